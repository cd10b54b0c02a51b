import {OpenOnce} from '../kernel/open-once.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import {systemClock} from '../progress/clock.ts';
import type {ProgressMode} from '../progress/open-display.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import type {RetryNotice} from '../http/retry.ts';
import type {CommandContext} from './command.ts';
import type {FlagDefinitions} from './flag-parser.ts';
import {RetryCountdown} from './retry-countdown.ts';
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
	readonly mode: ProgressMode;
	readonly progress: ProgressSink;
};

/** The registries for one command. Nothing is loaded, read or connected before somebody asks for the client. */
export class RegistryAccess extends OpenOnce<RegistryClient> {
	readonly #countdown: RetryCountdown;

	constructor(options: RegistryAccessOptions) {
		const countdown = new RetryCountdown(options.progress, systemClock);
		super(async () => openClient(options, notice => {
			if (options.mode === 'tty') {
				countdown.begin(notice);
			} else {
				options.warn(describeWait(notice));
			}
		}));
		this.#countdown = countdown;
	}

	override async [Symbol.asyncDispose](): Promise<void> {
		this.#countdown[Symbol.dispose]();
		await super[Symbol.asyncDispose]();
	}
}

async function openClient({environment, insecureRegistries}: RegistryAccessOptions, onRetry: (notice: RetryNotice) => void): Promise<RegistryClient> {
	const {openRegistryClient} = await import('../registry/open-registry-client.ts');
	return openRegistryClient({
		environment, insecureRegistries, onRetry, userAgent: `tsbuild/${version}`,
	});
}

function describeWait({domain, reason, seconds}: RetryNotice): string {
	return `${domain} is asked again in ${Math.ceil(seconds)} s: ${reason}`;
}
