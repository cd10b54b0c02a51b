import {Buffer} from 'node:buffer';
import {
	FSCONFIG_CMD_CREATE,
	FSCONFIG_SET_FLAG,
	FSCONFIG_SET_STRING,
	FSMOUNT_CLOEXEC,
	FSOPEN_CLOEXEC,
} from './constants.ts';
import {Descriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check, LinuxError} from './linux-error.ts';
import {cString, type Name} from './name.ts';

const maximumLogLine = 4096;

/**
A file system on its way to be mounted: options are set one by one, then `mount` gives a mount that is attached nowhere.

@see https://man7.org/linux/man-pages/man2/fsopen.2.html
*/
export class FilesystemContext implements Disposable {
	readonly #type: string;
	readonly #context: Descriptor;

	/**
	Begins with a file system type, for example `overlay`.

	@throws {LinuxError} `ENODEV` when the kernel does not know it; `EPERM` without CAP_SYS_ADMIN
	*/
	constructor(type: string) {
		this.#type = type;
		const context = libc().fsopen(cString(type), FSOPEN_CLOEXEC);
		this.#context = new Descriptor(check(context, 'fsopen', {action: `begin ${type} file system`}));
	}

	#check(result: number, syscall: string, verb: string): number {
		if (result < 0) {
			throw new LinuxError(syscall, result, {action: `${verb} ${this.#type} file system`, detail: this.#readLog()});
		}

		return result;
	}

	// Every read gives one line such as "e overlay: workdir and upperdir must reside under the same mount".
	#readLog(): string | undefined {
		const buffer = Buffer.alloc(maximumLogLine);
		const lines = [];
		for (;;) {
			const size = libc().read(this.#context.number, buffer, buffer.length);
			if (size <= 0) {
				return lines.length === 0 ? undefined : lines.join('; ');
			}

			lines.push(buffer.toString('utf8', 0, size).trim().replace(/^[eiw] /v, ''));
		}
	}

	/**
	Sets an option to a value of at most 255 bytes.

	@throws {LinuxError} with the kernel's own words
	*/
	set(key: string, value: Name): void {
		this.#check(this.trySet(key, value), 'fsconfig', `set ${key} of`);
	}

	/**
	Like `set`, but returns zero or a negated errno.
	*/
	trySet(key: string, value: Name): number {
		return libc().fsconfig(this.#context.number, FSCONFIG_SET_STRING, cString(key), cString(value), 0);
	}

	/**
	Sets an option that has no value.

	@throws {LinuxError} with the kernel's own words
	*/
	setFlag(key: string): void {
		this.#check(libc().fsconfig(this.#context.number, FSCONFIG_SET_FLAG, cString(key), undefined, 0), 'fsconfig', `set ${key} of`);
	}

	/**
	Makes the file system, and a mount of it that is attached nowhere: it is in no `/proc/<pid>/mountinfo`, and ends with the last descriptor and mount of it.

	@param attributes `MOUNT_ATTR_...` constants
	@throws {LinuxError} with the kernel's own words
	*/
	mount(attributes: number): Descriptor {
		const context = this.#context.number;
		this.#check(libc().fsconfig(context, FSCONFIG_CMD_CREATE, undefined, undefined, 0), 'fsconfig', 'create');
		return new Descriptor(this.#check(libc().fsmount(context, FSMOUNT_CLOEXEC, attributes), 'fsmount', 'mount'));
	}

	[Symbol.dispose](): void {
		this.#context.close();
	}
}
