import type {ContainerLimits} from '../../solver/executor/container-spec.ts';
import type {CacheFromOption, CacheToOption} from '../cache/cache-option.ts';
import type {ContextSource, DockerfileSource} from '../context/context-source.ts';
import type {SecretSource} from '../context/secrets.ts';
import type {Entitlement} from '../definition/entitlements.ts';
import type {NetworkMode, StepOptions} from '../definition/operations.ts';
import type {OutputOption} from '../exporter/output-option.ts';
import type {HttpClient} from '../http.ts';
import type {PullPolicy} from '../image-resolver/image-resolver.ts';
import type {Platform} from '../kernel/platform.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import type {SshAgent} from '../ssh/agent.ts';
import type {NamedContext} from './named-context.ts';

/** All that a build is asked for. */
export type BuildOptions = {
	readonly context: ContextSource;
	/** The Dockerfile; the context's own when not given. */
	readonly dockerfile?: DockerfileSource;
	readonly target?: string;
	readonly buildArgs: ReadonlyMap<string, string>;
	readonly labels: ReadonlyMap<string, string>;
	readonly namedContexts: readonly NamedContext[];
	/** That of this machine when not given. */
	readonly platform?: Platform;
	readonly network: NetworkMode;
	/** What steps may ask for beyond an ordinary container. */
	readonly entitlements: ReadonlySet<Entitlement>;
	/** Of each RUN. */
	readonly stepOptions: StepOptions;
	/** Of each RUN. */
	readonly limits: ContainerLimits;
	/** Path of the cgroup that those of steps are made in, from the root of each hierarchy. */
	readonly cgroupParent?: string;
	/** Caches of others that results are taken from. */
	readonly cacheFrom: readonly CacheFromOption[];
	/** Where the cache is written. */
	readonly cacheTo: readonly CacheToOption[];
	/** Everything, or the stages of these names, is made anew. */
	readonly noCache: boolean | readonly string[];
	/** After the build, explanations are sent of all steps that were executed. */
	readonly explain: boolean;
	/** The most steps that execute at once. */
	readonly maximumParallelism?: number | undefined;
	/** When registries are asked for images. */
	readonly pull: PullPolicy;
	/** Called when a registry is needed. */
	readonly openRegistry: () => Promise<RegistryClient>;
	/** Called when something of the web is needed. */
	readonly openHttp: () => Promise<HttpClient>;
	/** Variables of the user, for programs of this machine that the build needs. */
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** By their ids. */
	readonly secrets: ReadonlyMap<string, SecretSource>;
	/** By their ids. */
	readonly sshAgents: ReadonlyMap<string, SshAgent>;
	/** Full references that the image is kept under in the local store. */
	readonly tags: readonly string[];
	readonly outputs: readonly OutputOption[];
	/** Directory of the local store. */
	readonly root: string;
	readonly progress: ProgressSink;
	/** Resolves when more output of steps can be taken; `undefined` when it can now, as when this is not given. */
	readonly roomForOutput?: () => Promise<void> | undefined;
	/** Takes a line for the user that belongs to no step. */
	readonly warn: (line: string) => void;
	readonly signal: AbortSignal;
};
