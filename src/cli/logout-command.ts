import {CredentialStore} from '../registry/credential-store.ts';
import type {Command} from './command.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {checkArgumentCount} from './positional.ts';
import {readServerArgument} from './server-argument.ts';

const logoutFlags = {
	help: {type: 'boolean', shorthand: 'h', description: 'help for logout'},
} as const satisfies FlagDefinitions;

export const logoutDescription: CommandDescription = {
	summary: `Log out from a registry

Defaults to Docker Hub if no server is specified.`,
	usage: 'tsbuild logout [SERVER]',
	flags: logoutFlags,
};

/** `tsbuild logout`: forgets the credentials for a registry. */
export const logoutCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, logoutFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(logoutDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 0, maximum: 1, usage: logoutDescription.usage});
	const domain = readServerArgument(positional);
	context.writeOutput(`Removing login credentials for ${domain === 'docker.io' ? 'https://index.docker.io/v1/' : domain}\n`);
	await new CredentialStore(context.environment).erase(domain, context.signal);
	return 0;
};
