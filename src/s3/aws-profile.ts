import {readFileSync} from 'node:fs';
import path from 'node:path';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import type {AwsKeys} from './aws-credentials.ts';

/** What the files of AWS say of one of the people that somebody can be. */
export type AwsProfile = {
	/** `default` unless a variable says otherwise. */
	readonly name: string;
	readonly keys?: AwsKeys;
	readonly region?: string;
	/** The address of a server other than those of AWS. */
	readonly endpoint?: string;
	/** The setting that says where the keys come from, if they are not in the files. */
	readonly foreignKeys?: string;
};

/** Variables, by their names. */
type Environment = Readonly<Record<string, string | undefined>>;

type Settings = ReadonlyMap<string, string>;

// Where the SDK of AWS takes keys from that are not in the files. https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
const foreignSettings = ['credential_process', 'role_arn', 'sso_session', 'sso_start_url', 'web_identity_token_file', 'login_session'] as const;

/**
Reads `~/.aws/credentials` and `~/.aws/config`, or the files that `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` name. The profile is that of `AWS_PROFILE`. A file that is missing says nothing.

@throws {TsbuildError} `ERR_TSBUILD_S3_PROFILE` when a file cannot be read, or no file has the profile that is asked for
@see https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
*/
export function readAwsProfile(environment: Environment): AwsProfile {
	const wanted = nonEmpty(environment.AWS_PROFILE) ?? nonEmpty(environment.AWS_DEFAULT_PROFILE);
	const name = wanted ?? 'default';
	const credentials = readSections(nonEmpty(environment.AWS_SHARED_CREDENTIALS_FILE) ?? inHome(environment, 'credentials')).get(name);
	const config = configSection(readSections(nonEmpty(environment.AWS_CONFIG_FILE) ?? inHome(environment, 'config')), name);
	if (wanted !== undefined && credentials === undefined && config === undefined) {
		throw profileError(`failed to get shared config profile, ${wanted}`, {hint: 'Check AWS_PROFILE, or add the profile to ~/.aws/credentials.'});
	}

	// What both files have counts as the first one has it.
	return profileOf(name, new Map([...config ?? [], ...credentials ?? []]));
}

/** Who has no home has no files in it, as with the SDK. */
function inHome({HOME: home}: Environment, name: string): string | undefined {
	return home === undefined || home === '' ? undefined : path.join(home, '.aws', name);
}

function profileOf(name: string, settings: Settings): AwsProfile {
	const get = (setting: string) => nonEmpty(settings.get(setting));
	const [accessKeyId, secretAccessKey, sessionToken] = ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token'].map(setting => get(setting));
	const [region, endpoint] = ['region', 'endpoint_url'].map(setting => get(setting));
	const keys = accessKeyId === undefined || secretAccessKey === undefined ? undefined : {accessKeyId, secretAccessKey, ...(sessionToken !== undefined && {sessionToken})};
	const foreignKeys = foreignSettings.find(setting => settings.has(setting));
	return {
		name,
		...(keys !== undefined && {keys}),
		...(region !== undefined && {region}),
		...(endpoint !== undefined && {endpoint}),
		...(foreignKeys !== undefined && {foreignKeys}),
	};
}

/** In this file all profiles but the default one have a word before their name. */
function configSection(sections: ReadonlyMap<string, Settings>, name: string): Settings | undefined {
	return sections.get(`profile ${name}`) ?? (name === 'default' ? sections.get(name) : undefined);
}

function readSections(file: string | undefined): ReadonlyMap<string, Settings> {
	try {
		return file === undefined ? new Map() : parseSections(readFileSync(file, 'utf8'));
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return new Map();
		}

		throw profileError(`failed to read the profiles of AWS: ${errorMessage(error)}`, {cause: error});
	}
}

/** Settings that are indented belong to the one above, and none of those is wanted here. */
function parseSections(text: string): ReadonlyMap<string, Settings> {
	const sections = new Map<string, Map<string, string>>();
	let section: Map<string, string> | undefined;
	for (const line of text.split(/\r?\n/v)) {
		const {title, name, value = ''} = /^\[(?<title>[^\]]*)\]|^(?<name>[^\s#;=][^=]*)=(?<value>.*)$/v.exec(line)?.groups ?? {};
		if (title !== undefined) {
			section = openSection(sections, title);
		} else if (name !== undefined) {
			section?.set(name.trim().toLowerCase(), withoutComment(value));
		}
	}

	return sections;
}

/** A profile that is there twice has the settings of both. */
function openSection(sections: Map<string, Map<string, string>>, title: string): Map<string, string> {
	const name = title.replaceAll(/["']/gv, '').trim().replaceAll(/\s+/gv, ' ');
	const section = sections.get(name) ?? new Map<string, string>();
	sections.set(name, section);
	return section;
}

function withoutComment(value: string): string {
	return value.replace(/\s[#;].*$/v, '').trim();
}

function nonEmpty(text: string | undefined): string | undefined {
	return text === '' ? undefined : text;
}

function profileError(message: string, options: {readonly cause?: unknown; readonly hint?: string}): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_S3_PROFILE', message, options);
}
