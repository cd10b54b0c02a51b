import {fstatSync, type BigIntStats} from 'node:fs';
import {errorCode} from '../../src/kernel/errors.ts';
import {O_NOFOLLOW, O_PATH} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {removeDirectory, removeFile, setTimes} from '../../src/linux/files.ts';
import type {Name} from '../../src/linux/name.ts';
import {openFile} from '../../src/linux/open-file.ts';

/** An empty file or directory that was made only so that something could be mounted on it. */
export type MountStub = {
	readonly parent: Descriptor;
	readonly name: Name;
	/** What was made, opened with O_PATH. */
	readonly file: Descriptor;
	/** When the parent was last changed before, if that is known. Nanoseconds since the epoch. */
	readonly parentTimeBefore: bigint | undefined;
};

type RecordedStub = MountStub & {readonly parentTimeAfter: bigint};

/**
The stubs of one container, to be removed when its processes are gone: they must not get into the layer.

Each is removed through the descriptor of the directory that it was made in, never by a path, and only if it is the same file and still empty (CVE-2024-23652). Its parent gets back the time that it had, unless the step changed the parent itself.
*/
export class MountStubs {
	readonly #stubs: RecordedStub[] = [];

	/** Records a stub that has just been made. The descriptors must stay open until `remove`. */
	add(stub: MountStub): void {
		this.#stubs.push({...stub, parentTimeAfter: status(stub.parent).mtimeNs});
	}

	/**
	Removes all stubs, the last first.

	@throws {LinuxError} when one cannot be removed for another reason than that it is in use
	*/
	remove(): void {
		for (const stub of this.#stubs.splice(0).toReversed()) {
			if (isUnchanged(stub)) {
				removeStub(stub);
			}
		}
	}
}

function isUnchanged({parent, name, file}: MountStub): boolean {
	try {
		using found = openFile(parent, name, {flags: O_PATH | O_NOFOLLOW});
		const [now, made] = [status(found), status(file)];
		return now.ino === made.ino && now.dev === made.dev && (now.isDirectory() || (now.isFile() && now.size === 0n));
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return false;
		}

		throw error;
	}
}

function removeStub({parent, name, file, parentTimeBefore, parentTimeAfter}: RecordedStub): void {
	const parentTime = status(parent).mtimeNs;
	try {
		if (status(file).isDirectory()) {
			removeDirectory(parent, name);
		} else {
			removeFile(parent, name);
		}
	} catch (error) {
		// The step has put something into the directory, which makes it the step's.
		if (errorCode(error) === 'ENOTEMPTY') {
			return;
		}

		throw error;
	}

	const isUntouched = parentTime === parentTimeAfter && parentTimeBefore !== undefined;
	setTimes(parent, '', {mtimeNanoseconds: isUntouched ? parentTimeBefore : parentTime});
}

function status(file: Descriptor): BigIntStats {
	return fstatSync(file.number, {bigint: true});
}
