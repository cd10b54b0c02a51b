import type {StepNamespace} from './create-step-namespace.ts';

/** A network namespace from which the rest of the world can be reached. It ends when it is disposed of, or this process has ended in any way. */
export type OpenNetwork = AsyncDisposable & Pick<StepNamespace, 'namespace' | 'dnsSockets'> & {
	/** The address of IPv4 by which steps reach the machine that builds. */
	readonly hostAddress: string;
};
