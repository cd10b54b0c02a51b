import {accessSync, constants, statSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';

/**
The absolute path of a program of this machine: the first executable file of that name in the absolute directories of PATH, as this process was given it.

A relative directory of PATH is passed over: it could be the build context. Images are never looked into.

@returns `undefined` when there is none
*/
export function findHostProgram(name: string, search: string = process.env.PATH ?? ''): string | undefined {
	return search
		.split(path.delimiter)
		.filter(directory => path.isAbsolute(directory))
		.map(directory => path.join(directory, name))
		.find(file => isExecutable(file));
}

function isExecutable(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return statSync(file).isFile();
	} catch {
		return false;
	}
}
