import {constants, existsSync} from 'node:fs';
import {join} from 'node:path';
import {errorCode, errorMessage, TsbuildError} from '../../src/kernel/errors.ts';
import {BPF_F_ALLOW_MULTI} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {attachDeviceProgram, loadDeviceProgram} from '../../src/linux/ebpf.ts';
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
} from './cgroup-directory.ts';
import type {CgroupHierarchy} from './cgroup-hierarchy.ts';
import {limitError, settingsOfVersion2, type ResourceLimits} from './cgroup-limits.ts';
import {applySetting} from './cgroup-settings.ts';
import type {Cgroup, CgroupOptions} from './cgroup.ts';
import type {CgroupUsage} from './container-spec.ts';
import {assembleDeviceProgram, type DeviceRule} from './devices.ts';

type Version2 = Extract<CgroupHierarchy, {kind: 'version2'}>;

/**
Makes a group in the tree of cgroup version 2.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP`
@see https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v2.html
*/
export async function openVersion2({directory, controllers}: Version2, {name, limits, devices}: CgroupOptions): Promise<Cgroup> {
	await using undo = new AsyncDisposableStack();
	const path = join(directory, name);
	makeGroup(path);
	const group = undo.use(new CgroupVersion2(path, controllers));
	group.setLimits(limits);
	if (devices !== 'all') {
		group.restrictDevices(devices);
	}

	group.openProcessFile();
	undo.move();
	return group;
}

/**
Ends the processes of a group and waits until they are gone.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP`
*/
export async function killVersion2(directory: string): Promise<void> {
	await killGroups([directory], () => {
		// The file is there since Linux 5.14, and reaches the groups inside; fork cannot outrun it.
		if (existsSync(join(directory, 'cgroup.kill'))) {
			writeSetting(directory, 'cgroup.kill', '1');
		} else {
			signalProcesses(directory);
		}
	});
}

class CgroupVersion2 implements Cgroup {
	readonly #directory: string;
	readonly #controllers: ReadonlySet<string>;
	readonly unavailable = undefined;
	readonly processDescriptors: Descriptor[] = [];
	restrictsDevices = false;

	constructor(directory: string, controllers: ReadonlySet<string>) {
		this.#directory = directory;
		this.#controllers = controllers;
	}

	setLimits(limits: ResourceLimits): void {
		for (const setting of settingsOfVersion2(limits)) {
			requireController(this.#controllers, setting.controller);
			applySetting(this.#directory, setting);
		}
	}

	restrictDevices(rules: readonly DeviceRule[]): void {
		try {
			using program = loadDeviceProgram(assembleDeviceProgram(rules));
			using directory = Descriptor.open(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY);
			attachDeviceProgram(directory, program, BPF_F_ALLOW_MULTI);
			this.restrictsDevices = true;
		} catch (error) {
			// Without CAP_BPF or CAP_SYS_ADMIN, as in a user namespace, whose device files cannot be opened anyhow. The caller sees it by `restrictsDevices`.
			if (errorCode(error) !== 'EPERM') {
				throw new TsbuildError('ERR_TSBUILD_CGROUP', `failed to restrict the devices of cgroup ${this.#directory}: ${errorMessage(error)}`, {cause: error});
			}
		}
	}

	openProcessFile(): void {
		this.processDescriptors.push(Descriptor.open(join(this.#directory, 'cgroup.procs'), constants.O_WRONLY));
	}

	async usage(): Promise<CgroupUsage> {
		return present({
			peakMemory: readNumber(this.#directory, 'memory.peak'),
			userTime: readKeyedNumber(this.#directory, 'cpu.stat', 'user_usec'),
			systemTime: readKeyedNumber(this.#directory, 'cpu.stat', 'system_usec'),
			peakProcesses: readNumber(this.#directory, 'pids.peak'),
		});
	}

	async outOfMemory(): Promise<boolean> {
		return isPositive(readKeyedNumber(this.#directory, 'memory.events', 'oom_kill'));
	}

	async outOfProcesses(): Promise<boolean> {
		return isPositive(readKeyedNumber(this.#directory, 'pids.events', 'max'));
	}

	async kill(): Promise<void> {
		await killVersion2(this.#directory);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const descriptor of this.processDescriptors) {
			descriptor.close();
		}

		await removeGroups([this.#directory], async () => this.kill());
	}
}

function requireController(controllers: ReadonlySet<string>, controller: string): void {
	if (!controllers.has(controller)) {
		throw limitError(controller, 'its cgroup controller cannot be turned on here');
	}
}
