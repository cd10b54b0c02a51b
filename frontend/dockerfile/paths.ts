import path from 'node:path';

/** A path as an instruction gives it, relative to the working directory. An absolute one is taken as written; an empty one is the working directory. */
export function resolveWritten(workingDirectory: string, written: string): string {
	if (written === '') {
		return workingDirectory;
	}

	return written.startsWith('/') ? written : path.posix.join('/', workingDirectory, written);
}

/** An absolute path without `.`, `..`, doubled and trailing slashes. It does not leave the root. */
export function cleanPath(written: string): string {
	return path.posix.resolve('/', written);
}

/** A clean absolute path with one slash at its end when the copy goes into that directory (`/a/`, `/a/.`, `.`). */
export function cleanDestination(workingDirectory: string, written: string): string {
	const isDirectory = written === '' || written === '.' || written.endsWith('/') || written.endsWith('/.');
	const destination = cleanPath(resolveWritten(workingDirectory, written));
	return isDirectory && destination !== '/' ? `${destination}/` : destination;
}
