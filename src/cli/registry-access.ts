import {OpenOnce} from '../kernel/open-once.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import type {CommandContext} from './command.ts';
import type {FlagDefinitions} from './flag-parser.ts';
import {version} from './version.ts';

/** The flags of every command that asks registries. */
export const registryFlags = {
	'insecure-registry': {type: 'list', valueName: 'strings', description: 'Registry that may speak plain HTTP or have a certificate of its own making (e.g., "registry.local:5000")'},
} as const satisfies FlagDefinitions;

/** How a command asks registries. */
export type RegistryAccessOptions = Pick<CommandContext, 'environment'> & {
	/** As the flag has them: hosts, or networks such as `10.0.0.0/8`. */
	readonly insecureRegistries: readonly string[];
	/** Takes a line for the user. */
	readonly warn: (line: string) => void;
};

/** The registries for one command. Nothing is loaded, read or connected before somebody asks for the client. */
export class RegistryAccess extends OpenOnce<RegistryClient> {
	constructor(options: RegistryAccessOptions) {
		super(async () => openClient(options));
	}
}

async function openClient({environment, insecureRegistries, warn}: RegistryAccessOptions): Promise<RegistryClient> {
	const {openRegistryClient} = await import('../registry/open-registry-client.ts');
	return openRegistryClient({
		environment,
		insecureRegistries,
		onRetry({domain, reason, seconds}) {
			warn(`${domain} is asked again in ${Math.ceil(seconds)} s: ${reason}`);
		},
		userAgent: `tsbuild/${version}`,
	});
}
