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
export class RegistryAccess implements AsyncDisposable {
	readonly #options: RegistryAccessOptions;
	#client: Promise<RegistryClient> | undefined;

	/** The client, the same each time. */
	readonly open = async (): Promise<RegistryClient> => {
		this.#client ??= openClient(this.#options);
		return this.#client;
	};

	constructor(options: RegistryAccessOptions) {
		this.#options = options;
	}

	/** Closes the connections. */
	async [Symbol.asyncDispose](): Promise<void> {
		const [opened] = await Promise.allSettled([this.#client]);
		if (opened.status === 'fulfilled') {
			await opened.value?.[Symbol.asyncDispose]();
		}
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
