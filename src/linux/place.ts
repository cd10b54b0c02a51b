import {AT_FDCWD} from './constants.ts';
import {descriptorNumber, type BorrowedDescriptor} from './descriptor.ts';
import type {Name} from './name.ts';

/**
The directory where a relative name starts; `undefined` is the working directory of the process.
*/
export type Base = BorrowedDescriptor | undefined;

/**
A name and where it starts.
*/
export type Place = {
	readonly directory?: Base;
	readonly name: Name;
};

/**
The number of a base for the `...at` calls.
*/
export function baseNumber(base: Base): number {
	return base === undefined ? AT_FDCWD : descriptorNumber(base);
}
