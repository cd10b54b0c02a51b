import {constants, existsSync} from 'node:fs';
import {join} from 'node:path';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {isInUserNamespace} from '../../src/linux/user-namespace.ts';
import {
	isPositive,
	killGroups,
	makeGroup,
	present,
	readKeyedNumber,
	readNumber,
	removeGroups,
	signalProcesses,
	writeSetting,
	writeSettings,
} from './cgroup-directory.ts';
import type {Controller} from './cgroup-hierarchy.ts';
import {limitError, settingsOfVersion1, type ResourceLimits} from './cgroup-limits.ts';
import {applySetting} from './cgroup-settings.ts';
import type {Cgroup, CgroupOptions} from './cgroup.ts';
import type {CgroupUsage} from './container-spec.ts';
import {formatDeviceRule, type DeviceRule} from './devices.ts';

/**
Makes a group in the hierarchies of cgroup version 1.

@param parents the directory of the parent group for each controller
@param options name, limits and devices of the group
@throws {TsbuildError} `ERR_TSBUILD_CGROUP`
@see https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v1/index.html
*/
export async function openVersion1(parents: ReadonlyMap<Controller, string>, options: CgroupOptions): Promise<Cgroup> {
	const {name, limits, devices} = options;
	await using undo = new AsyncDisposableStack();
	const group = undo.use(new CgroupVersion1(directoriesOf(parents, name)));
	group.make();
	group.setLimits(limits);
	if (devices !== 'all') {
		group.restrictDevices(devices);
	}

	group.openProcessFiles();
	undo.move();
	return group;
}

/**
Ends the processes of a group and waits until they are gone.

@param directories the group's directory for each controller
@throws {TsbuildError} `ERR_TSBUILD_CGROUP`
*/
export async function killVersion1(directories: ReadonlyMap<Controller, string>): Promise<void> {
	const freezer = directories.get('freezer');
	await killGroups([...new Set(directories.values())], directory => {
		// A frozen process cannot fork, so none escapes the list of those that get the signal; it dies when it thaws.
		setFreezer(freezer, 'FROZEN');
		signalProcesses(directory);
		setFreezer(freezer, 'THAWED');
	});
}

/** The directory of the group `name` for each controller. */
export function directoriesOf(parents: ReadonlyMap<Controller, string>, name: string): ReadonlyMap<Controller, string> {
	return new Map([...parents].map(([controller, parent]) => [controller, join(parent, name)]));
}

function setFreezer(directory: string | undefined, state: 'FROZEN' | 'THAWED'): void {
	if (directory !== undefined && existsSync(directory)) {
		writeSetting(directory, 'freezer.state', state);
	}
}

class CgroupVersion1 implements Cgroup {
	readonly #directories: ReadonlyMap<Controller, string>;
	readonly #distinct: readonly string[];
	/** A group that was there before is not ours to remove. */
	readonly #made: string[] = [];
	readonly unavailable = undefined;
	readonly processDescriptors: Descriptor[] = [];
	restrictsDevices = false;

	constructor(directories: ReadonlyMap<Controller, string>) {
		this.#directories = directories;
		this.#distinct = [...new Set(directories.values())];
	}

	make(): void {
		for (const directory of this.#distinct) {
			makeGroup(directory);
			this.#made.push(directory);
		}
	}

	setLimits(limits: ResourceLimits): void {
		for (const setting of settingsOfVersion1(limits)) {
			applySetting(requireDirectory(this.#directories, setting.controller), setting);
		}
	}

	restrictDevices(rules: readonly DeviceRule[]): void {
		const directory = this.#directories.get('devices');
		// Only root of the whole machine may write these files, and who is in a user namespace cannot open device files anyhow. The caller sees it by `restrictsDevices`.
		if (directory === undefined || isInUserNamespace()) {
			return;
		}

		writeSetting(directory, 'devices.deny', 'a');
		writeSettings(directory, 'devices.allow', rules.map(rule => formatDeviceRule(rule)));

		this.restrictsDevices = true;
	}

	/**
	Opens `tasks`, not `cgroup.procs`: to move a whole process the kernel waits for an RCU grace period (21 ms, measured), for which moving the thread that writes has no need.
	*/
	openProcessFiles(): void {
		for (const directory of this.#distinct) {
			this.processDescriptors.push(Descriptor.open(join(directory, 'tasks'), constants.O_WRONLY));
		}
	}

	/** CPU time is better told by wait4(2): `cpuacct` splits it by clock ticks, and short processes have none. */
	async usage(): Promise<CgroupUsage> {
		const read = (controller: Controller, file: string) => {
			const directory = this.#directories.get(controller);
			return directory === undefined ? undefined : readNumber(directory, file);
		};

		return present({
			peakMemory: read('memory', 'memory.max_usage_in_bytes'),
			peakProcesses: read('pids', 'pids.peak'),
		});
	}

	async outOfMemory(): Promise<boolean> {
		const memory = this.#directories.get('memory');
		return memory !== undefined && isPositive(readKeyedNumber(memory, 'memory.oom_control', 'oom_kill'));
	}

	async outOfProcesses(): Promise<boolean> {
		const processes = this.#directories.get('pids');
		return processes !== undefined && isPositive(readKeyedNumber(processes, 'pids.events', 'max'));
	}

	async kill(): Promise<void> {
		await killVersion1(this.#directories);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const descriptor of this.processDescriptors) {
			descriptor.close();
		}

		await removeGroups(this.#made, async () => this.kill());
	}
}

function requireDirectory(directories: ReadonlyMap<Controller, string>, controller: Controller): string {
	const directory = directories.get(controller);
	if (directory === undefined) {
		throw limitError(controller, 'its cgroup controller is not mounted');
	}

	return directory;
}
