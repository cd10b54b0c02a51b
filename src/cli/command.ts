import type {StandardError} from '../progress/standard-error.ts';

/** The variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a command sees of the world around it. */
export type CommandContext = {
	readonly environment: Environment;
	/** What the user types, or what is piped in; read only by whoever asks for it. */
	readonly input: () => AsyncIterable<Uint8Array>;
	readonly writeOutput: (data: string | Uint8Array) => void;
	readonly writeError: (text: string) => void;
	/** Where `writeError` writes; for who writes much. */
	readonly standardError: StandardError;
	/** Whether standard error is a terminal, where the progress is shown. */
	readonly isTerminal: boolean;
	/** Whether standard output is one. */
	readonly isOutputTerminal: boolean;
	/** Aborted by Ctrl-C and SIGTERM. */
	readonly signal: AbortSignal;
};

/** Runs with its arguments; the exit code is the result. */
export type Command = (args: readonly string[], context: CommandContext) => Promise<number>;
