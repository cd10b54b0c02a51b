import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {makeProject, type Project} from '../support/project.ts';

const dockerfile = `FROM base
RUN echo "[$HTTP_PROXY] [$http_proxy] [$HTTPS_PROXY] [$no_proxy] [$FTP_PROXY] [$all_proxy]"
`;

/** A project whose user has this configuration of Docker. */
async function makeConfigured(config: string): Promise<{readonly project: Project; readonly environment: Readonly<Record<string, string>>}> {
	const project = await makeProject({Dockerfile: dockerfile});
	const directory = path.join(project.directory, 'docker');
	await mkdir(directory);
	await writeFile(path.join(directory, 'config.json'), config);
	return {project, environment: {DOCKER_CONFIG: directory}};
}

const proxies = {
	default: {
		httpProxy: 'http://user:hidden@proxy:1',
		httpsProxy: 'http://proxy:2',
		noProxy: '*.test',
		ftpProxy: 'http://proxy:3',
		allProxy: 'socks5://proxy:4',
		unknown: 'x',
	},
	'tcp://elsewhere:2376': {httpProxy: 'http://other:1'},
};

test('the proxies of Docker\'s configuration are build arguments', async t => {
	const {project, environment} = await makeConfigured(JSON.stringify({proxies}));
	await using cleanup = project;
	const result = await cleanup.buildIn(environment, '-t', 'app:1', '--progress=plain');
	t.is(result.exitCode, 0);
	t.regex(result.stderr, / \[http:\/\/user:hidden@proxy:1\] \[http:\/\/user:hidden@proxy:1\] \[http:\/\/proxy:2\] \[\*\.test\] \[http:\/\/proxy:3\] \[socks5:\/\/proxy:4\]\n/v);
});

test('a proxy that is given as a build argument wins', async t => {
	const {project, environment} = await makeConfigured(JSON.stringify({proxies}));
	await using cleanup = project;
	const result = await cleanup.buildIn(environment, '--build-arg', 'HTTP_PROXY=http://mine', '--build-arg', 'no_proxy=', '--build-arg', 'https_proxy=http://mine-too');
	t.regex(result.stderr, / \[http:\/\/mine\] \[http:\/\/mine\] \[http:\/\/mine-too\] \[\] /v);
});

test('a configuration that cannot be read is told, and the build goes on', async t => {
	const {project, environment} = await makeConfigured('{"proxies": {');
	await using cleanup = project;
	const result = await cleanup.buildIn(environment);
	t.is(result.exitCode, 0);
	t.regex(result.stderr, /^WARNING: failed to read the configuration of Docker .*\/docker\/config\.json: it is no JSON\n/v);
	t.regex(result.stderr, / \[\] \[\] \[\] \[\] \[\] \[\]\n/v);
});
