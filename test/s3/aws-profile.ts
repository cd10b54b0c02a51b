import {writeFileSync} from 'node:fs';
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {readAwsProfile, type AwsProfile} from '../../src/s3/aws-profile.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

type Given = {
	readonly credentials?: string;
	readonly config?: string;
	readonly environment?: Readonly<Record<string, string>>;
};

/** What is read where `~/.aws` has these files. */
async function readGiven({credentials, config, environment = {}}: Given): Promise<AwsProfile> {
	await using home = await makeTemporaryDirectory();
	await mkdir(path.join(home.path, '.aws'));
	for (const [name, text] of Object.entries({credentials, config})) {
		if (text !== undefined) {
			writeFileSync(path.join(home.path, '.aws', name), text);
		}
	}

	return readAwsProfile({HOME: home.path, ...environment});
}

const profile = test.macro({
	async exec(t, _: string, given: Given, expected: AwsProfile) {
		t.deepEqual(await readGiven(given), expected);
	},
	title: (_, what: string) => what,
});

const keys = {accessKeyId: 'id', secretAccessKey: 'se/cr+et='};
const lines = 'aws_access_key_id = id\naws_secret_access_key = se/cr+et=\n';

test(profile, 'without files there are no keys', {}, {name: 'default'});
test(profile, 'without a name the default profile counts', {credentials: `[default]\n${lines}[other]\naws_access_key_id=no\n`}, {name: 'default', keys});
test(profile, 'a profile is found by its name', {credentials: `[default]\naws_access_key_id=no\n[ci]\n${lines}`, environment: {AWS_PROFILE: 'ci'}}, {name: 'ci', keys});
test(profile, 'the older variable counts too', {credentials: `[ci]\n${lines}`, environment: {AWS_PROFILE: '', AWS_DEFAULT_PROFILE: 'ci'}}, {name: 'ci', keys});
test(profile, 'the config has region, address, and keys', {
	config: `[profile ci]\nregion = eu-west-1\nendpoint_url = https://minio.example\n${lines}aws_session_token=token\n`, environment: {AWS_PROFILE: 'ci'},
}, {
	name: 'ci', keys: {...keys, sessionToken: 'token'}, region: 'eu-west-1', endpoint: 'https://minio.example',
});
test(profile, 'the default profile of the config may have the word before its name', {config: '[profile default]\nregion=a\n[default]\nregion=b\n'}, {name: 'default', region: 'a'});
test(profile, 'other profiles of the config must have it', {config: '[ci]\nregion=a\n', credentials: `[ci]\n${lines}`, environment: {AWS_PROFILE: 'ci'}}, {name: 'ci', keys});
test(profile, 'credentials count before the config', {
	config: [
		'[default]',
		'aws_access_key_id=no',
		'aws_secret_access_key=no',
		'region=a',
		'',
	].join('\n'), credentials: `[default]\n${lines}`,
}, {name: 'default', keys, region: 'a'});
test(profile, 'comments, blanks, carriage returns and quotes are understood', {
	config: '# [profile "my ci"]\r\n; region=no\r\n[ profile  "my ci" ] # mine\r\nREGION =  a ; here\r\nempty =\r\nnothing\r\n= no name\r\n', environment: {AWS_PROFILE: 'my ci'},
}, {name: 'my ci', region: 'a'});
test(profile, 'what is indented belongs to another setting', {config: '[default]\ns3 =\n  region = no\n  endpoint_url = no\nregion = a\n'}, {name: 'default', region: 'a'});
test(profile, 'a profile that is there twice is one', {credentials: '[default]\naws_access_key_id=id\n[x]\n[default]\naws_secret_access_key=se/cr+et=\n'}, {name: 'default', keys});
test(profile, 'one key alone is none', {credentials: '[default]\naws_access_key_id=id\naws_secret_access_key=\n'}, {name: 'default'});
test(profile, 'keys that come from elsewhere are told of', {config: '[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = y\n'}, {name: 'default', foreignKeys: 'role_arn'});

test('other files can be named', async t => {
	await using home = await makeTemporaryDirectory();
	const [credentials, config] = ['a', 'b'].map(name => path.join(home.path, name)) as [string, string];
	writeFileSync(credentials, `[default]\n${lines}`);
	writeFileSync(config, '[default]\nregion=a\n');
	t.deepEqual(readAwsProfile({HOME: '/nowhere', AWS_SHARED_CREDENTIALS_FILE: credentials, AWS_CONFIG_FILE: config}), {name: 'default', keys, region: 'a'});
});

test('a profile that was asked for must be there', async t => {
	await t.throwsAsync(readGiven({credentials: `[default]\n${lines}`, environment: {AWS_PROFILE: 'ci'}}), {code: 'ERR_TSBUILD_S3_PROFILE', message: 'failed to get shared config profile, ci'});
});

test('a file that cannot be read is told of', async t => {
	await t.throwsAsync(readGiven({environment: {AWS_CONFIG_FILE: '/'}}), {code: 'ERR_TSBUILD_S3_PROFILE', message: /^failed to read the profiles of AWS: EISDIR/v});
});
