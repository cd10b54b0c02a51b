import {createRequire} from 'node:module';
import type koffi from 'koffi';
import {hostArchitecture} from './architecture.ts';
import {lazy} from './lazy.ts';
import {syscallNumbers, type RawCall} from './syscall-numbers.ts';

/**
Memory that is given to a call; `undefined` is the null pointer.
*/
export type Memory = Uint8Array | undefined;

/**
The functions of the C library that tsbuild calls, as in their man pages, but with the kernel's own way to tell errors: a negative result is the negated errno. (The C way, -1 and a variable, would leave a gap between the call and the reading of the variable.)

A `path` is a string that ends with a NUL byte. All calls block.
*/
export type Libc = {
	readonly copyFileRange: (from: number, fromOffset: Memory, to: number, toOffset: Memory, length: number, flags: number) => number;
	readonly fchownat: (directory: number, path: Uint8Array, user: number, group: number, flags: number) => number;
	readonly fcntl: (descriptor: number, command: number, argument: number) => number;
	readonly flock: (descriptor: number, operation: number) => number;
	readonly getxattr: (path: Uint8Array, name: Uint8Array, value: Memory, size: number) => number;
	readonly lgetxattr: Libc['getxattr'];
	readonly linkat: (fromDirectory: number, from: Uint8Array, toDirectory: number, to: Uint8Array, flags: number) => number;
	readonly listxattr: (path: Uint8Array, list: Memory, size: number) => number;
	readonly llistxattr: Libc['listxattr'];
	readonly lremovexattr: Libc['removexattr'];
	readonly lseek: (descriptor: number, offset: number, whence: number) => number;
	readonly lsetxattr: Libc['setxattr'];
	readonly memfdCreate: (name: Uint8Array, flags: number) => number;
	readonly mkdirat: (directory: number, path: Uint8Array, mode: number) => number;
	readonly mount: (source: Memory, target: Uint8Array, type: Memory, flags: number, data: Memory) => number;
	readonly pipe2: (descriptors: Uint8Array, flags: number) => number;
	readonly read: (descriptor: number, buffer: Uint8Array, size: number) => number;
	readonly readlinkat: (directory: number, path: Uint8Array, buffer: Uint8Array, size: number) => number;
	readonly removexattr: (path: Uint8Array, name: Uint8Array) => number;
	readonly setns: (descriptor: number, kind: number) => number;
	readonly setxattr: (path: Uint8Array, name: Uint8Array, value: Uint8Array, size: number, flags: number) => number;
	readonly symlinkat: (target: Uint8Array, directory: number, path: Uint8Array) => number;
	readonly syncfs: (descriptor: number) => number;
	readonly unlinkat: (directory: number, path: Uint8Array, flags: number) => number;
	readonly unshare: (flags: number) => number;
	readonly utimensat: (directory: number, path: Uint8Array, times: Uint8Array, flags: number) => number;

	readonly bpf: (command: number, attributes: Uint8Array, size: number) => number;
	readonly fsconfig: (context: number, command: number, key: Memory, value: Memory, auxiliary: number) => number;
	readonly fsmount: (context: number, flags: number, attributes: number) => number;
	readonly fsopen: (type: Uint8Array, flags: number) => number;
	readonly mknodat: (directory: number, path: Uint8Array, mode: number, device: number) => number;
	readonly mountSetattr: (directory: number, path: Uint8Array, flags: number, attributes: Uint8Array, size: number) => number;
	readonly openTree: (directory: number, path: Uint8Array, flags: number) => number;
	readonly openat2: (directory: number, path: Uint8Array, how: Uint8Array, size: number) => number;
	readonly renameat2: (fromDirectory: number, from: Uint8Array, toDirectory: number, to: Uint8Array, flags: number) => number;

	/**
	Where the bytes of `memory` are, for a structure that points to them. The caller keeps `memory` alive until the call is over.
	*/
	readonly addressOf: (memory: Uint8Array) => bigint;
};

// Variadic functions (fcntl) are declared with fixed arguments: for integers both architectures pass them in the same registers.
const prototypes: Readonly<Record<Exclude<keyof Libc, RawCall | 'addressOf'>, string>> = {
	copyFileRange: 'int64_t copy_file_range(int, void *, int, void *, size_t, unsigned int)',
	fchownat: 'int fchownat(int, const void *, uint32_t, uint32_t, int)',
	fcntl: 'int fcntl(int, int, int)',
	flock: 'int flock(int, int)',
	getxattr: 'int64_t getxattr(const void *, const void *, void *, size_t)',
	lgetxattr: 'int64_t lgetxattr(const void *, const void *, void *, size_t)',
	linkat: 'int linkat(int, const void *, int, const void *, int)',
	listxattr: 'int64_t listxattr(const void *, void *, size_t)',
	llistxattr: 'int64_t llistxattr(const void *, void *, size_t)',
	lremovexattr: 'int lremovexattr(const void *, const void *)',
	lseek: 'int64_t lseek(int, int64_t, int)',
	lsetxattr: 'int lsetxattr(const void *, const void *, const void *, size_t, int)',
	memfdCreate: 'int memfd_create(const void *, unsigned int)',
	mkdirat: 'int mkdirat(int, const void *, uint32_t)',
	mount: 'int mount(const void *, const void *, const void *, unsigned long, const void *)',
	pipe2: 'int pipe2(void *, int)',
	read: 'int64_t read(int, void *, size_t)',
	readlinkat: 'int64_t readlinkat(int, const void *, void *, size_t)',
	removexattr: 'int removexattr(const void *, const void *)',
	setns: 'int setns(int, int)',
	setxattr: 'int setxattr(const void *, const void *, const void *, size_t, int)',
	symlinkat: 'int symlinkat(const void *, int, const void *)',
	syncfs: 'int syncfs(int)',
	unlinkat: 'int unlinkat(int, const void *, int)',
	unshare: 'int unshare(int)',
	utimensat: 'int utimensat(int, const void *, const void *, int)',
};

// The C library lacks a function: musl has none of the mount calls, glibc before 2.33 no mknodat that can be looked up.
const rawCallParameters: Readonly<Record<RawCall, readonly string[]>> = {
	bpf: ['int', 'void *', 'unsigned int'],
	fsconfig: ['int', 'unsigned int', 'const void *', 'const void *', 'int'],
	fsmount: ['int', 'unsigned int', 'unsigned int'],
	fsopen: ['const void *', 'unsigned int'],
	mknodat: ['int', 'const void *', 'uint32_t', 'uint32_t'],
	mountSetattr: ['int', 'const void *', 'unsigned int', 'const void *', 'size_t'],
	openTree: ['int', 'const void *', 'unsigned int'],
	openat2: ['int', 'const void *', 'const void *', 'size_t'],
	renameat2: ['int', 'const void *', 'int', 'const void *', 'unsigned int'],
};

/**
The C library of this process, loaded at the first call: koffi takes 15 ms, which a fully cached build need not spend.

@throws {TsbuildError} `ERR_TSBUILD_UNSUPPORTED_HOST`
*/
export const libc: () => Libc = lazy(() => {
	const {errno, address, load} = createRequire(import.meta.url)('koffi') as typeof koffi;
	const library = load(null);
	const numbers = syscallNumbers(hostArchitecture());

	const libraryCalls = Object.entries(prototypes).map(([name, prototype]) => [name, withErrorNumber(library.func(prototype), errno)]);
	const rawCalls = Object.entries(rawCallParameters).map(([name, parameters]) => {
		const call = library.func('syscall', 'long', ['long', ...parameters]);
		return [name, withErrorNumber(call.bind(undefined, numbers[name as RawCall]), errno)];
	});
	const calls = Object.fromEntries([...libraryCalls, ...rawCalls]) as Omit<Libc, 'addressOf'>;
	return {...calls, addressOf: memory => address(memory)};
});

type Call = (...values: readonly unknown[]) => number;

function withErrorNumber(call: (...values: readonly unknown[]) => number | bigint, readErrorNumber: () => number): Call {
	return (...values) => {
		const result = call(...values);
		return result < 0 ? -readErrorNumber() : Number(result);
	};
}
