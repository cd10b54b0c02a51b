import type {FlagDefinitions} from './flag-parser.ts';
import {registryFlags} from './registry-access.ts';

/** Flags of `docker build` before BuildKit, which buildx takes and leaves without effect. */
const legacyFlags = {
	compress: {type: 'boolean', description: 'Compress the build context using gzip', hidden: true},
	'force-rm': {type: 'boolean', description: 'Always remove intermediate containers', hidden: true},
	isolation: {
		type: 'string', valueName: 'string', description: 'Container isolation technology', hidden: true,
	},
	rm: {type: 'boolean', description: 'Remove intermediate containers after a successful build', hidden: true},
	'security-opt': {
		type: 'list', valueName: 'strings', description: 'Security options', hidden: true,
	},
	squash: {type: 'boolean', description: 'Squash newly built layers into a single new layer', hidden: true},
} as const satisfies FlagDefinitions;

const missing = {
	type: 'string', description: 'A flag of buildx that tsbuild has not', hidden: true, isMissing: true,
} as const;

const missingFlags = {
	attest: missing,
	device: missing,
	policy: missing,
} as const satisfies FlagDefinitions;

/**
The flags of `tsbuild build`: those of `docker buildx build`, and the limits, store and layout flags of our own.
*/
export const buildFlags = {
	'add-host': {type: 'list', valueName: 'strings', description: 'Add a custom host-to-IP mapping (format: "host:ip")'},
	allow: {type: 'list', valueName: 'stringArray', description: 'Allow extra privileged entitlement (e.g., "network.host", "security.insecure")'},
	annotation: {type: 'list', valueName: 'stringArray', description: 'Add annotation to the image'},
	...legacyFlags,
	...missingFlags,
	'build-arg': {type: 'list', valueName: 'stringArray', description: 'Set build-time variables'},
	'build-context': {type: 'list', valueName: 'stringArray', description: 'Additional build contexts (e.g., name=oci-layout://path)'},
	'cache-from': {type: 'list', valueName: 'stringArray', description: 'External cache sources (e.g., "user/app:cache", "type=local,src=path/to/dir")'},
	'cache-to': {type: 'list', valueName: 'stringArray', description: 'Cache export destinations (e.g., "user/app:cache", "type=local,dest=path/to/dir")'},
	call: {type: 'string', valueName: 'string', description: 'Set method for evaluating build ("check", "outline", "targets") (default "build")'},
	'cgroup-parent': {type: 'string', valueName: 'string', description: 'Set the parent cgroup for the "RUN" instructions during build'},
	check: {type: 'boolean', description: 'Shorthand for "--call=check"'},
	builder: {
		type: 'string', valueName: 'string', description: 'Accepted for scripts written for buildx; tsbuild needs no builder', hidden: true,
	},
	'cpu-period': {type: 'string', valueName: 'int', description: 'Limit the CPU CFS (Completely Fair Scheduler) period of each "RUN" instruction, in microseconds'},
	'cpu-quota': {type: 'string', valueName: 'int', description: 'Limit the CPU CFS (Completely Fair Scheduler) quota of each "RUN" instruction, in microseconds'},
	'cpu-shares': {
		type: 'string', shorthand: 'c', valueName: 'int', description: 'CPU shares of each "RUN" instruction (relative weight)',
	},
	cpus: {type: 'string', valueName: 'number', description: 'Limit the CPUs of each "RUN" instruction (e.g., "1.5")'},
	'cpuset-cpus': {type: 'string', valueName: 'string', description: 'CPUs in which to allow execution (e.g., "0-3", "0,1")'},
	'cpuset-mems': {type: 'string', valueName: 'string', description: 'MEMs in which to allow execution (e.g., "0-3", "0,1")'},
	debug: {type: 'boolean', shorthand: 'D', description: 'Show the warnings about the Dockerfile in full'},
	explain: {type: 'boolean', description: 'Say after the build why each step was executed that was not found in the cache'},
	file: {
		type: 'string', shorthand: 'f', valueName: 'string', description: 'Name of the Dockerfile (default: "PATH/Dockerfile")',
	},
	help: {type: 'boolean', shorthand: 'h', description: 'help for build'},
	iidfile: {type: 'string', valueName: 'string', description: 'Write the image ID to a file'},
	...registryFlags,
	label: {type: 'list', valueName: 'stringArray', description: 'Set metadata for an image'},
	load: {type: 'boolean', description: 'Shorthand for "--output=type=docker"'},
	'max-parallelism': {type: 'string', valueName: 'int', description: 'Limit the steps that are executed at once (default "the larger of 16 and four times the CPUs")'},
	memory: {
		type: 'string', shorthand: 'm', valueName: 'bytes', description: 'Limit the memory of each "RUN" instruction (e.g., "512m")',
	},
	'memory-swap': {type: 'string', valueName: 'bytes', description: 'Swap limit equal to memory plus swap ("-1" to enable unlimited swap)'},
	'metadata-file': {type: 'string', valueName: 'string', description: 'Write build result metadata to a file'},
	network: {type: 'string', valueName: 'string', description: 'Set the networking mode for the "RUN" instructions during build (default "default")'},
	'no-cache': {type: 'boolean', description: 'Do not use cache when building the image'},
	'no-cache-filter': {type: 'list', valueName: 'stringArray', description: 'Do not cache specified stages'},
	output: {
		type: 'list', shorthand: 'o', valueName: 'stringArray', description: 'Output destination (format: "type=local,dest=path")',
	},
	'pids-limit': {type: 'string', valueName: 'int', description: 'Limit the processes of each "RUN" instruction ("-1" for unlimited)'},
	platform: {type: 'list', valueName: 'stringArray', description: 'Set target platform for build'},
	progress: {type: 'string', valueName: 'string', description: 'Set type of progress output ("auto", "none", "plain", "quiet", "rawjson", "tty") (default "auto")'},
	provenance: {
		type: 'string', valueName: 'string', description: 'Accepted when false; attestations are not made yet', hidden: true,
	},
	push: {type: 'boolean', description: 'Shorthand for "--output=type=registry"'},
	pull: {type: 'string', valueAlone: 'true', description: 'Always attempt to pull all referenced images; "--pull=never" asks no registry'},
	quiet: {type: 'boolean', shorthand: 'q', description: 'Suppress the build output and print image ID on success'},
	resource: {type: 'list', valueName: 'stringArray', description: 'Resource limits for build containers (format: "memory=2g", "cpu-quota=50000")'},
	root: {type: 'string', valueName: 'string', description: 'Directory of the local store (default "/var/lib/tsbuild", or $TSBUILD_ROOT)'},
	sbom: {
		type: 'string', valueName: 'string', description: 'Accepted when false; attestations are not made yet', hidden: true,
	},
	secret: {type: 'list', valueName: 'stringArray', description: 'Secret to expose to the build (format: "id=mysecret[,src=/local/secret]")'},
	'shm-size': {type: 'string', valueName: 'bytes', description: 'Shared memory size for build containers'},
	ssh: {type: 'list', valueName: 'stringArray', description: 'SSH agent socket or keys to expose to the build (format: "default|<id>[=<socket>|<key>[,<key>]]")'},
	tag: {
		type: 'list', shorthand: 't', valueName: 'stringArray', description: 'Image identifier (format: "[registry/]repository[:tag]")',
	},
	target: {type: 'string', valueName: 'string', description: 'Set the target build stage to build'},
	timeout: {type: 'string', valueName: 'duration', description: 'End a "RUN" instruction that takes longer (e.g., "90s", "1h")'},
	ulimit: {type: 'list', valueName: 'ulimit', description: 'Ulimit options'},
} as const satisfies FlagDefinitions;
