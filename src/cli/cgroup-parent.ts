import {RequestError} from './usage-error.ts';

/**
The path of the cgroup that `--cgroup-parent` names, from the root of each hierarchy, without a slash at its ends: `/ci/builds` and `ci/builds` are the same, and `ci-builds.slice` is where systemd keeps that slice, `ci.slice/ci-builds.slice`.

@throws {RequestError} for a path that leads elsewhere
@see https://www.freedesktop.org/software/systemd/man/latest/systemd.slice.html
*/
export function readCgroupParent(text: string): string {
	const names = text.split('/').filter(name => name !== '');
	if (names.length === 0 || names.some(name => !isName(name))) {
		throw new RequestError(`invalid cgroup parent ${JSON.stringify(text)}`, {hint: 'Give the path of a cgroup, such as ci/builds, or the name of a slice, such as ci-builds.slice.'});
	}

	const [first, ...others] = names as [string, ...string[]];
	return others.length === 0 && first.endsWith('.slice') ? pathOfSlice(first) : names.join('/');
}

// https://docs.kernel.org/admin-guide/cgroup-v2.html#avoid-name-collisions: files of a group begin with the name of a controller, and `cgroup.` is none of ours.
function isName(name: string): boolean {
	return /^[\w\-.:@\\]{1,255}$/v.test(name) && !/^\.{1,2}$/v.test(name) && !name.startsWith('cgroup.');
}

/** Each dash is a level: `a-b.slice` lies in `a.slice`. */
function pathOfSlice(slice: string): string {
	const words = slice.slice(0, -'.slice'.length).split('-');
	if (slice === '-.slice' || words.includes('')) {
		throw new RequestError(`invalid cgroup parent ${JSON.stringify(slice)}`, {hint: 'The name of a slice has no dash at its ends, and no two in a row.'});
	}

	return words.map((_, index) => `${words.slice(0, index + 1).join('-')}.slice`).join('/');
}
