import {execFile, execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {
	cp,
	mkdir,
	readFile,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type {ExecutionContext} from 'ava';
import {makeTemporaryBaseImage} from '../support/base-image.ts';
import {testWhere} from '../support/conditions.ts';
import {makeRootlessUser} from '../support/rootless-user.ts';
import {testedProgram} from '../support/tsbuild.ts';

const containerTest = testWhere(process.getuid?.() === 0 && existsSync('/usr/bin/runc') && existsSync('/usr/bin/newuidmap'), 'it needs root, runc and newuidmap');

/** What `docker run` is told besides its defaults, in the words of docs/rootless.md. */
type ContainerSettings = {
	readonly user: 'root' | 'user';
	/** `--security-opt seccomp=unconfined`; else there is what matters here of Docker's own filter. */
	readonly isSeccompUnconfined: boolean;
	/** `--security-opt systempaths=unconfined` */
	readonly isSystempathsUnconfined?: boolean;
	/** `--security-opt no-new-privileges` */
	readonly isNoNewPrivileges?: boolean;
	/** Whether newuidmap and newgidmap have file capabilities instead of the set-user-ID bit. */
	readonly hasFileCapabilities?: boolean;
	readonly env?: Readonly<Record<string, string>>;
};

type Expectation = {readonly exitCode: number; readonly output: readonly RegExp[]};

const builds = containerTest.macro(async (t: ExecutionContext, settings: ContainerSettings, {exitCode, output}: Expectation) => {
	await using user = await makeRootlessUser();
	await using image = await makeTemporaryBaseImage();
	const base = path.join(user.home, 'base');
	const context = path.join(user.home, 'context');
	await cp(image.directory, base, {recursive: true});
	await mkdir(context);
	await writeFile(path.join(context, 'Dockerfile'), 'FROM base\nRUN echo "first process $(cat /proc/1/comm)" && touch /x && rm -r /etc/os-release\nRUN chown 5 /x && ! kill -0 2\n');
	if (settings.user === 'user') {
		await user.own(user.home);
	}

	const command = [process.execPath, testedProgram, 'build', '--progress', 'plain', '--network', 'none', '--build-context', `base=oci-layout://${base}`, context];
	const result = await runInContainer(command, settings, {directory: path.dirname(user.home), userId: user.id});
	t.is(result.exitCode, exitCode, result.output);
	for (const pattern of output) {
		t.regex(result.output, pattern);
	}
});

const success = {exitCode: 0, output: [/^#\d+ DONE/mv]};

containerTest('a user with all the settings builds', builds, {
	user: 'user', isSeccompUnconfined: true, isSystempathsUnconfined: true, hasFileCapabilities: true,
}, {exitCode: 0, output: [/first process sh$/mv]});

containerTest('a user builds with masked paths, when steps may see the processes of the container', builds, {
	user: 'user', isSeccompUnconfined: true, hasFileCapabilities: true, env: {TSBUILD_NO_PROCESS_SANDBOX: '1'},
}, {exitCode: 0, output: [/first process (?!sh$)/mv]});

containerTest('root without CAP_SYS_ADMIN builds', builds, {user: 'root', isSeccompUnconfined: true, isSystempathsUnconfined: true}, success);

containerTest('root without CAP_SYS_ADMIN builds with masked paths', builds, {user: 'root', isSeccompUnconfined: true, env: {TSBUILD_NO_PROCESS_SANDBOX: 'true'}}, success);

containerTest('copies stand in for overlayfs', builds, {
	user: 'user', isSeccompUnconfined: true, isSystempathsUnconfined: true, hasFileCapabilities: true, env: {TSBUILD_SNAPSHOTTER: 'native'},
}, success);

containerTest('masked paths are told, with what to do', builds, {user: 'user', isSeccompUnconfined: true, hasFileCapabilities: true}, {
	exitCode: 1, output: [/failed to mount proc on \/proc: EPERM$/mv, /^Parts of \/proc are hidden here.*--security-opt systempaths=unconfined, or set TSBUILD_NO_PROCESS_SANDBOX=1/mv],
});

containerTest('a seccomp filter is told, with what to do', builds, {user: 'user', isSeccompUnconfined: false}, {
	exitCode: 1, output: [/^ERROR: .*user namespace: unshare: .*Operation not permitted$/mv, /^Inside a container, .*--security-opt seccomp=unconfined/mv],
});

containerTest('without new privileges there is one ID, and it is told why', builds, {
	user: 'user', isSeccompUnconfined: true, isSystempathsUnconfined: true, isNoNewPrivileges: true, hasFileCapabilities: true,
}, {exitCode: 1, output: [/^Steps have one user and one group here: no_new_privs keeps newuidmap from its rights\./mv]});

// Docker's, for a container that is not privileged. https://github.com/moby/moby/blob/v28.0.0/oci/caps/defaults.go
const capabilities = [
	'CHOWN',
	'DAC_OVERRIDE',
	'FSETID',
	'FOWNER',
	'MKNOD',
	'NET_RAW',
	'SETGID',
	'SETUID',
	'SETFCAP',
	'SETPCAP',
	'NET_BIND_SERVICE',
	'SYS_CHROOT',
	'KILL',
	'AUDIT_WRITE',
].map(name => `CAP_${name}`);

// Docker's filter has these for nobody without CAP_SYS_ADMIN. https://github.com/moby/profiles/blob/main/seccomp/default.json
const forbiddenCalls = ['fsconfig', 'fsmount', 'fsopen', 'mount', 'mount_setattr', 'move_mount', 'open_tree', 'setns', 'umount2', 'unshare'];

type RuntimeConfig = {
	process: Record<string, unknown>;
	root: Record<string, unknown>;
	linux: Record<string, unknown> & {readonly namespaces: ReadonlyArray<{readonly type: string}>};
};

type Place = {readonly directory: string; readonly userId: number};

type ContainerResult = {readonly exitCode: number; readonly output: string};

/** Runs a command in a container of runc as Docker makes them, with the files of this machine. */
async function runInContainer(args: readonly string[], settings: ContainerSettings, {directory, userId}: Place): Promise<ContainerResult> {
	const bundle = path.join(directory, 'bundle');
	await mkdir(path.join(bundle, 'rootfs'), {recursive: true});
	execFileSync('runc', ['spec'], {cwd: bundle});
	const file = path.join(bundle, 'config.json');
	const config = JSON.parse(await readFile(file, 'utf8')) as RuntimeConfig;
	const id = path.basename(directory);
	const home = path.join(directory, 'home');
	await writeFile(file, JSON.stringify(configOf(config, settings, {
		args, id, userId, home,
	})));
	const programs = await mapPrograms(directory, settings.hasFileCapabilities === true);
	const mounts = [
		'mount --bind / rootfs',
		`mount -t overlay -o lowerdir=${directory}/etc:/etc overlay rootfs/etc`,
		...programs.map(program => `mount --bind ${program} rootfs/usr/bin/${path.basename(program)}`),
	];
	const script = `${mounts.join(' && ')} && exec runc --root ${directory}/state run ${id}`;
	return new Promise(resolve => {
		execFile('unshare', ['--mount', '--', '/bin/sh', '-c', script], {cwd: bundle}, (error, stdout, stderr) => {
			resolve({exitCode: Number(error?.code ?? 0), output: `${stdout}${stderr}`});
		});
	});
}

type ContainerCommand = Pick<Place, 'userId'> & {readonly args: readonly string[]; readonly id: string; readonly home: string};

function configOf(config: RuntimeConfig, settings: ContainerSettings, {args, id, userId, home}: ContainerCommand): RuntimeConfig {
	const isRoot = settings.user === 'root';
	const own = isRoot ? capabilities : [];
	const number = isRoot ? 0 : userId;
	const environment = {
		PATH: process.env.PATH, HOME: home, TSBUILD_ROOT: path.join(home, 'store'), ...settings.env,
	};
	return {
		...config,
		process: {
			...config.process,
			args,
			cwd: '/',
			terminal: false,
			user: {uid: number, gid: number},
			env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
			capabilities: {
				bounding: capabilities, effective: own, permitted: own, inheritable: [], ambient: [],
			},
			noNewPrivileges: settings.isNoNewPrivileges === true,
			rlimits: [],
		},
		root: {path: 'rootfs', readonly: false},
		linux: {
			...config.linux,
			cgroupsPath: `/${id}`,
			// The steps have none; it only would have to be set up.
			namespaces: config.linux.namespaces.filter(({type}) => type !== 'network'),
			...(settings.isSystempathsUnconfined === true && {maskedPaths: [], readonlyPaths: []}),
			...(!settings.isSeccompUnconfined && {
				seccomp: {defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{names: forbiddenCalls, action: 'SCMP_ACT_ERRNO', errnoRet: 1}]},
			}),
		},
	};
}

/** Copies of newuidmap and newgidmap with file capabilities, as Fedora has them; Debian's set-user-ID programs cannot be used without CAP_SYS_ADMIN. */
async function mapPrograms(directory: string, isWanted: boolean): Promise<readonly string[]> {
	if (!isWanted) {
		return [];
	}

	const programs = [['newuidmap', 'cap_setuid'], ['newgidmap', 'cap_setgid']] as const;
	for (const [name, capability] of programs) {
		await cp(`/usr/bin/${name}`, path.join(directory, name), {mode: 0});
		execFileSync('chmod', ['755', path.join(directory, name)]);
		execFileSync('setcap', [`${capability}+ep`, path.join(directory, name)]);
	}

	return programs.map(([name]) => path.join(directory, name));
}
