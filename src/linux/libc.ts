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
A function that returns a result, or a negated errno.
*/
export type Call<Parameters extends readonly unknown[]> = (...parameters: Parameters) => number;

/**
The functions of the C library that tsbuild calls, as in their man pages, but with the kernel's own way to tell errors: a negative result is the negated errno. (The C way, -1 and a variable, would leave a gap between the call and the reading of the variable.)

A `path` is a string that ends with a NUL byte. All calls block.
*/
export type Libc = {
	readonly _exit: Call<[exitCode: number]>;
	readonly bind: Call<[socket: number, address: Uint8Array, size: number]>;
	readonly copy_file_range: Call<[from: number, fromOffset: Memory, to: number, toOffset: Memory, length: number, flags: number]>;
	readonly fallocate: Call<[descriptor: number, mode: number, offset: number, length: number]>;
	readonly fchownat: Call<[directory: number, path: Uint8Array, user: number, group: number, flags: number]>;
	readonly fcntl: Call<[descriptor: number, command: number, argument: number]>;
	readonly flock: Call<[descriptor: number, operation: number]>;
	readonly getxattr: Call<[path: Uint8Array, name: Uint8Array, value: Memory, size: number]>;
	readonly ioctl: Call<[descriptor: number, request: number, argument: number]>;
	readonly lgetxattr: Libc['getxattr'];
	readonly linkat: Call<[fromDirectory: number, from: Uint8Array, toDirectory: number, to: Uint8Array, flags: number]>;
	readonly listxattr: Call<[path: Uint8Array, list: Memory, size: number]>;
	readonly llistxattr: Libc['listxattr'];
	readonly lremovexattr: Libc['removexattr'];
	readonly lseek: Call<[descriptor: number, offset: number, whence: number]>;
	readonly lsetxattr: Libc['setxattr'];
	readonly memfd_create: Call<[name: Uint8Array, flags: number]>;
	readonly mkdirat: Call<[directory: number, path: Uint8Array, mode: number]>;
	readonly mount: Call<[source: Memory, target: Uint8Array, type: Memory, flags: number, data: Memory]>;
	readonly pipe2: Call<[descriptors: Uint8Array, flags: number]>;
	readonly posix_spawn: Call<[processId: Uint8Array, path: Uint8Array, actions: Uint8Array, attributes: Uint8Array, args: Uint8Array, environment: Uint8Array]>;
	readonly posix_spawn_file_actions_adddup2: Call<[actions: Uint8Array, descriptor: number, target: number]>;
	readonly posix_spawn_file_actions_destroy: Call<[actions: Uint8Array]>;
	readonly posix_spawn_file_actions_init: Call<[actions: Uint8Array]>;
	readonly posix_spawnattr_destroy: Call<[attributes: Uint8Array]>;
	readonly posix_spawnattr_init: Call<[attributes: Uint8Array]>;
	readonly posix_spawnattr_setflags: Call<[attributes: Uint8Array, flags: number]>;
	readonly posix_spawnattr_setsigdefault: Call<[attributes: Uint8Array, signals: Uint8Array]>;
	readonly posix_spawnattr_setsigmask: Call<[attributes: Uint8Array, signals: Uint8Array]>;
	readonly read: Call<[descriptor: number, buffer: Uint8Array, size: number]>;
	readonly readlinkat: Call<[directory: number, path: Uint8Array, buffer: Uint8Array, size: number]>;
	readonly removexattr: Call<[path: Uint8Array, name: Uint8Array]>;
	readonly setns: Call<[descriptor: number, kind: number]>;
	readonly setxattr: Call<[path: Uint8Array, name: Uint8Array, value: Uint8Array, size: number, flags: number]>;
	readonly socket: Call<[family: number, type: number, protocol: number]>;
	readonly symlinkat: Call<[target: Uint8Array, directory: number, path: Uint8Array]>;
	readonly syncfs: Call<[descriptor: number]>;
	readonly unlinkat: Call<[directory: number, path: Uint8Array, flags: number]>;
	readonly unshare: Call<[flags: number]>;
	readonly utimensat: Call<[directory: number, path: Uint8Array, times: Uint8Array, flags: number]>;
	readonly wait4: Call<[processId: number, status: Uint8Array, options: number, usage: Uint8Array]>;

	readonly bpf: Call<[command: number, attributes: Uint8Array, size: number]>;
	readonly fsconfig: Call<[context: number, command: number, key: Memory, value: Memory, auxiliary: number]>;
	readonly fsmount: Call<[context: number, flags: number, attributes: number]>;
	readonly fsopen: Call<[type: Uint8Array, flags: number]>;
	readonly mknodat: Call<[directory: number, path: Uint8Array, mode: number, device: number]>;
	readonly mount_setattr: Call<[directory: number, path: Uint8Array, flags: number, attributes: Uint8Array, size: number]>;
	readonly open_tree: Call<[directory: number, path: Uint8Array, flags: number]>;
	readonly openat2: Call<[directory: number, path: Uint8Array, how: Uint8Array, size: number]>;
	readonly renameat2: Call<[fromDirectory: number, from: Uint8Array, toDirectory: number, to: Uint8Array, flags: number]>;
	readonly statx: Call<[directory: number, path: Uint8Array, flags: number, mask: number, state: Uint8Array]>;

	/**
	Where the bytes of `memory` are, for a structure that points to them. The caller keeps `memory` alive until the call is over.
	*/
	readonly addressOf: (memory: Uint8Array) => bigint;
};

// Variadic functions (fcntl, ioctl) are declared with fixed arguments: for integers both architectures pass them in the same registers.
const prototypes: Readonly<Record<Exclude<keyof Libc, RawCall | 'addressOf'>, string>> = {
	_exit: 'void _exit(int)',
	bind: 'int bind(int, const void *, uint32_t)',
	copy_file_range: 'int64_t copy_file_range(int, void *, int, void *, size_t, unsigned int)',
	fallocate: 'int fallocate(int, int, int64_t, int64_t)',
	fchownat: 'int fchownat(int, const void *, uint32_t, uint32_t, int)',
	fcntl: 'int fcntl(int, int, int)',
	flock: 'int flock(int, int)',
	getxattr: 'int64_t getxattr(const void *, const void *, void *, size_t)',
	ioctl: 'int ioctl(int, unsigned long, int)',
	lgetxattr: 'int64_t lgetxattr(const void *, const void *, void *, size_t)',
	linkat: 'int linkat(int, const void *, int, const void *, int)',
	listxattr: 'int64_t listxattr(const void *, void *, size_t)',
	llistxattr: 'int64_t llistxattr(const void *, void *, size_t)',
	lremovexattr: 'int lremovexattr(const void *, const void *)',
	lseek: 'int64_t lseek(int, int64_t, int)',
	lsetxattr: 'int lsetxattr(const void *, const void *, const void *, size_t, int)',
	memfd_create: 'int memfd_create(const void *, unsigned int)',
	mkdirat: 'int mkdirat(int, const void *, uint32_t)',
	mount: 'int mount(const void *, const void *, const void *, unsigned long, const void *)',
	pipe2: 'int pipe2(void *, int)',
	posix_spawn: 'int posix_spawn(void *, const void *, const void *, const void *, const void *, const void *)',
	posix_spawn_file_actions_adddup2: 'int posix_spawn_file_actions_adddup2(void *, int, int)',
	posix_spawn_file_actions_destroy: 'int posix_spawn_file_actions_destroy(void *)',
	posix_spawn_file_actions_init: 'int posix_spawn_file_actions_init(void *)',
	posix_spawnattr_destroy: 'int posix_spawnattr_destroy(void *)',
	posix_spawnattr_init: 'int posix_spawnattr_init(void *)',
	posix_spawnattr_setflags: 'int posix_spawnattr_setflags(void *, int16_t)',
	posix_spawnattr_setsigdefault: 'int posix_spawnattr_setsigdefault(void *, const void *)',
	posix_spawnattr_setsigmask: 'int posix_spawnattr_setsigmask(void *, const void *)',
	read: 'int64_t read(int, void *, size_t)',
	readlinkat: 'int64_t readlinkat(int, const void *, void *, size_t)',
	removexattr: 'int removexattr(const void *, const void *)',
	setns: 'int setns(int, int)',
	setxattr: 'int setxattr(const void *, const void *, const void *, size_t, int)',
	socket: 'int socket(int, int, int)',
	symlinkat: 'int symlinkat(const void *, int, const void *)',
	syncfs: 'int syncfs(int)',
	unlinkat: 'int unlinkat(int, const void *, int)',
	unshare: 'int unshare(int)',
	utimensat: 'int utimensat(int, const void *, const void *, int)',
	wait4: 'int wait4(int, void *, int, void *)',
};

// The C library lacks a function: musl has none of the mount calls, glibc before 2.33 no mknodat that can be looked up.
const rawCallParameters: Readonly<Record<RawCall, readonly string[]>> = {
	bpf: ['int', 'void *', 'unsigned int'],
	fsconfig: ['int', 'unsigned int', 'const void *', 'const void *', 'int'],
	fsmount: ['int', 'unsigned int', 'unsigned int'],
	fsopen: ['const void *', 'unsigned int'],
	mknodat: ['int', 'const void *', 'uint32_t', 'uint32_t'],
	mount_setattr: ['int', 'const void *', 'unsigned int', 'const void *', 'size_t'],
	open_tree: ['int', 'const void *', 'unsigned int'],
	openat2: ['int', 'const void *', 'const void *', 'size_t'],
	renameat2: ['int', 'const void *', 'int', 'const void *', 'unsigned int'],
	statx: ['int', 'const void *', 'int', 'unsigned int', 'void *'],
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

function withErrorNumber(call: (...values: readonly unknown[]) => number | bigint, readErrorNumber: () => number): Call<readonly unknown[]> {
	return (...values) => {
		const result = call(...values);
		return result < 0 ? -readErrorNumber() : Number(result);
	};
}
