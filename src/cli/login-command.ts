import {checkLogin} from '../registry/check-login.ts';
import {CredentialStore} from '../registry/credential-store.ts';
import type {Credentials} from '../registry/credentials.ts';
import {ask, type Question} from './ask.ts';
import type {Command, CommandContext} from './command.ts';
import {parseFlags, type FlagDefinitions, type ParsedFlags} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {checkArgumentCount} from './positional.ts';
import {registryFlags} from './registry-access.ts';
import {readServerArgument} from './server-argument.ts';
import {UsageError} from './usage-error.ts';
import {version} from './version.ts';

const loginFlags = {
	help: {type: 'boolean', shorthand: 'h', description: 'help for login'},
	...registryFlags,
	password: {
		type: 'string', shorthand: 'p', valueName: 'string', description: 'Password or Personal Access Token (PAT)',
	},
	'password-stdin': {type: 'boolean', description: 'Take the Password or Personal Access Token (PAT) from stdin'},
	username: {
		type: 'string', shorthand: 'u', valueName: 'string', description: 'Username',
	},
} as const satisfies FlagDefinitions;

export const loginDescription: CommandDescription = {
	summary: `Authenticate to a registry

Defaults to Docker Hub if no server is specified. Credentials are kept where
Docker keeps them: in its config.json, or with the credential helper that this
names.`,
	usage: 'tsbuild login [OPTIONS] [SERVER]',
	flags: loginFlags,
};

type PasswordCredentials = Extract<Credentials, {readonly type: 'password'}>;

// A password is shorter.
const maximumPassword = 64 * 1024;

/** `tsbuild login`: finds out whether a registry knows the user, and keeps the credentials if it does. The words are those of docker. */
export const loginCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, loginFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(loginDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 0, maximum: 1, usage: loginDescription.usage});
	const domain = readServerArgument(positional);
	const store = new CredentialStore(context.environment);
	const credentials = await readCredentials(flags, {domain, store, context});
	const kept = await checkLogin(domain, {
		credentials,
		environment: context.environment,
		insecureRegistries: flags['insecure-registry'],
		onRetry({reason, seconds}) {
			context.writeError(`WARNING: ${domain} is asked again in ${Math.ceil(seconds)} s: ${reason}\n`);
		},
		userAgent: `tsbuild/${version}`,
		signal: context.signal,
	});
	if (!await store.store(domain, kept, context.signal)) {
		context.writeError(`
WARNING! Your credentials are stored unencrypted in '${store.file}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

`);
	}

	context.writeOutput('Login Succeeded\n');
	return 0;
};

type LoginFlags = ParsedFlags<typeof loginFlags>['flags'];

type LoginPlace = {
	readonly domain: string;
	readonly store: CredentialStore;
	readonly context: CommandContext;
};

async function readCredentials({username, password = '', 'password-stdin': isPiped = false}: LoginFlags, {domain, store, context}: LoginPlace): Promise<PasswordCredentials> {
	if (password !== '') {
		context.writeError('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
		if (isPiped) {
			throw new UsageError('--password and --password-stdin are mutually exclusive');
		}
	}

	if (isPiped) {
		if (username === undefined || username === '') {
			throw new UsageError('Must provide --username with --password-stdin');
		}

		return {type: 'password', username, password: await readPassword(context)};
	}

	const known = username === undefined && password === '' ? await store.find(domain) : undefined;
	if (known?.type === 'password') {
		context.writeOutput(`Authenticating with existing credentials... [Username: ${known.username}]
To login with a different account, run 'tsbuild logout' followed by 'tsbuild login'

`);
		return known;
	}

	return askForCredentials(username?.trim() ?? '', password, {domain, context});
}

async function askForCredentials(username: string, password: string, {domain, context}: Pick<LoginPlace, 'context' | 'domain'>): Promise<PasswordCredentials> {
	if (username === '' && domain === 'docker.io') {
		context.writeOutput(`Log in with your Docker ID or email address to push and pull images from Docker Hub. If you don't have a Docker ID, head over to https://hub.docker.com/ to create one.
You can log in with your password or a Personal Access Token (PAT). Using a limited-scope PAT grants better security and is required for organizations using SSO. Learn more at https://docs.docker.com/go/access-tokens/

`);
	}

	return {
		type: 'password',
		username: username === '' ? await askFor('username', {text: 'Username: '}, context) : username,
		password: password === '' ? await askFor('password', {text: 'Password: ', isSecret: true}, context) : password,
	};
}

async function askFor(name: string, question: Question, context: CommandContext): Promise<string> {
	const answer = await ask(question, context);
	if (answer.trim() === '') {
		throw new UsageError(`${name} is required`);
	}

	return answer;
}

/** Standard input without the end of its line. */
async function readPassword({input, signal}: CommandContext): Promise<string> {
	const decoder = new TextDecoder();
	let text = '';
	for await (const chunk of input()) {
		signal.throwIfAborted();
		text += decoder.decode(chunk, {stream: true});
		if (text.length > maximumPassword) {
			throw new UsageError('the password on standard input is too long');
		}
	}

	return text.replace(/\r?\n$/v, '');
}
