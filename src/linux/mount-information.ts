import {readFile} from 'node:fs/promises';

/**
One mount that this process sees.

@see https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
*/
export type MountInformation = {
	readonly id: number;
	readonly parentId: number;
	/**
	`major:minor` of the files' device.
	*/
	readonly device: string;
	/**
	The directory of the file system that is mounted.
	*/
	readonly root: string;
	readonly mountPoint: string;
	readonly options: readonly string[];
	/**
	For example `shared:1`.
	*/
	readonly propagation: readonly string[];
	readonly type: string;
	readonly source: string;
	readonly superOptions: readonly string[];
};

/**
The mounts that this process sees.

@throws a system error of Node
*/
export async function readMountInformation(): Promise<readonly MountInformation[]> {
	return parseMountInformation(await readFile('/proc/self/mountinfo', 'utf8'));
}

/**
Whether something is mounted at a path, which is absolute and without symbolic links, `.` and `..`.
*/
export async function isMountPoint(path: string): Promise<boolean> {
	const mounts = await readMountInformation();
	return mounts.some(({mountPoint}) => mountPoint === path);
}

/**
Reads the text of a mountinfo file.
*/
export function parseMountInformation(text: string): readonly MountInformation[] {
	return text.split('\n').filter(line => line !== '').map(line => parseLine(line));
}

function parseLine(line: string): MountInformation {
	const fields = line.split(' ').map(field => unescape(field));
	// The optional fields end with a lone hyphen.
	const separator = fields.indexOf('-', 6);
	const [id, parentId, device, root, mountPoint, options] = fields as [string, string, string, string, string, string];
	const [type, source, superOptions] = fields.slice(separator + 1) as [string, string, string];
	return {
		id: Number(id),
		parentId: Number(parentId),
		device,
		root,
		mountPoint,
		options: options.split(','),
		propagation: fields.slice(6, separator),
		type,
		source,
		superOptions: superOptions.split(','),
	};
}

// White space and backslashes stand as three octal digits.
function unescape(field: string): string {
	return field.replaceAll(/\\[0-3][0-7]{2}/gv, escape => String.fromCodePoint(Number.parseInt(escape.slice(1), 8)));
}
