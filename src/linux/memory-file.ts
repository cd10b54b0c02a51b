import {writeSync} from 'node:fs';
import {
	F_ADD_SEALS,
	F_SEAL_GROW,
	F_SEAL_SEAL,
	F_SEAL_SHRINK,
	F_SEAL_WRITE,
	MFD_ALLOW_SEALING,
	MFD_CLOEXEC,
	MFD_EXEC,
	O_RDONLY,
} from './constants.ts';
import {Descriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check, hasFailedWith} from './linux-error.ts';
import {cString} from './name.ts';

/**
An executable file in memory that nobody can change any more, not even through `/proc/self/exe` of a process that runs it (CVE-2019-5736). The name, of at most 249 bytes, is what `/proc/<pid>/exe` shows after `/memfd:`.

@returns a descriptor open for reading only; run it by its `path`
@throws {LinuxError}
@see https://man7.org/linux/man-pages/man2/memfd_create.2.html
*/
export function createSealedExecutable(bytes: Uint8Array, name: string): Descriptor {
	using writable = createMemoryFile(name);
	writeAll(writable, bytes);
	seal(writable);
	// A file that is open for writing cannot be executed (ETXTBSY).
	return Descriptor.open(writable.path, O_RDONLY);
}

function createMemoryFile(name: string): Descriptor {
	const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	const nameString = cString(name);
	const executable = libc().memfd_create(nameString, flags | MFD_EXEC);
	// Linux before 6.3 does not know the flag, and all memory files are executable there.
	const number = hasFailedWith(executable, 'EINVAL') ? libc().memfd_create(nameString, flags) : executable;
	return new Descriptor(check(number, 'memfd_create', {action: 'create memory file', path: name}));
}

function writeAll(file: Descriptor, bytes: Uint8Array): void {
	for (let offset = 0; offset < bytes.length;) {
		offset += writeSync(file.number, bytes, offset);
	}
}

function seal(file: Descriptor): void {
	const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	check(libc().fcntl(file.number, F_ADD_SEALS, seals), 'fcntl', {action: 'seal memory file'});
}
