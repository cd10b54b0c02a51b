import type {ContainerConfig, HistoryEntry, ImageConfig} from '../../src/kernel/oci-types.ts';
import {splitVariable} from './environment.ts';
import {resolveWritten} from './paths.ts';

/** The parts of a container config that an instruction replaces as a whole. */
export type PlainConfig = Pick<ContainerConfig, typeof plainProperties[number]>;

const plainProperties = ['User', 'Entrypoint', 'Cmd', 'WorkingDir', 'StopSignal', 'ArgsEscaped', 'Healthcheck', 'Shell'] as const;

// How BuildKit signs its history entries.
const historyComment = 'buildkit.dockerfile.v0';

// https://github.com/moby/buildkit/blob/master/util/system/path.go
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
An image config that grows with the instructions of a stage.
*/
export class ImageDraft {
	readonly #variables: Map<string, string>;
	readonly #labels: Map<string, string>;
	readonly #volumes: Set<string>;
	readonly #ports: Set<string>;
	readonly #triggers: string[] = [];
	readonly #history: HistoryEntry[];
	#plain: PlainConfig;
	#author: string;

	/** Begins with an image: without the image's triggers, with a working directory and a PATH. */
	constructor({author = '', config, history}: Pick<ImageConfig, 'author' | 'config' | 'history'>) {
		const {Env: environment, Labels: labels, Volumes: volumes, ExposedPorts: ports, WorkingDir: workingDirectory = ''} = config;
		this.#variables = new Map(environment?.map(variable => splitVariable(variable)));
		this.#labels = new Map(Object.entries(labels ?? {}));
		this.#volumes = new Set(Object.keys(volumes ?? {}));
		this.#ports = new Set(Object.keys(ports ?? {}));
		this.#history = [...(history ?? [])];
		this.#plain = {...pickPlain(config), WorkingDir: resolveWritten('/', workingDirectory)};
		this.#author = author;
		if (!this.#variables.has('PATH')) {
			this.#variables.set('PATH', defaultPath);
		}
	}

	/** What it costs to copy the draft, in characters. */
	get size(): number {
		return 32 * (this.#variables.size + this.#labels.size + this.#volumes.size + this.#ports.size + this.#history.length);
	}

	get plain(): PlainConfig {
		return this.#plain;
	}

	get author(): string {
		return this.#author;
	}

	get history(): readonly HistoryEntry[] {
		return this.#history;
	}

	get variables(): ReadonlyMap<string, string> {
		return this.#variables;
	}

	/** Everything set so far. */
	get config(): ContainerConfig {
		return {
			...this.#plain,
			Env: [...this.#variables].map(([name, value]) => `${name}=${value}`),
			Labels: Object.fromEntries(this.#labels),
			Volumes: Object.fromEntries(this.#volumes.values().map(volume => [volume, {}])),
			ExposedPorts: Object.fromEntries(this.#ports.values().map(port => [port, {}])),
			OnBuild: this.#triggers,
		};
	}

	update(changes: PlainConfig): void {
		this.#plain = {...this.#plain, ...changes};
	}

	setAuthor(author: string): void {
		this.#author = author;
	}

	/** Sets a variable; one that exists keeps its place. */
	setVariable(name: string, value: string): void {
		this.#variables.set(name, value);
	}

	setLabel(name: string, value: string): void {
		this.#labels.set(name, value);
	}

	addVolume(path: string): void {
		this.#volumes.add(path);
	}

	/** Adds a port with its protocol, such as `80/tcp`. */
	addPort(port: string): void {
		this.#ports.add(port);
	}

	addTrigger(expression: string): void {
		this.#triggers.push(expression);
	}

	/** Adds a line to the history; one without a layer is marked. */
	addHistory(text: string, {hasLayer}: {readonly hasLayer: boolean}): void {
		this.#history.push({created_by: text, comment: historyComment, ...(!hasLayer && {empty_layer: true})});
	}

	/** A draft for a stage that begins with this one. The triggers have done their work there. */
	fork(): ImageDraft {
		return new ImageDraft({author: this.#author, config: this.config, history: this.#history});
	}
}

/** Properties that Docker does not know are not taken over. */
function pickPlain(config: ContainerConfig): PlainConfig {
	return Object.fromEntries(plainProperties.filter(property => Object.hasOwn(config, property)).map(property => [property, config[property]]));
}
