import process from 'node:process';
import test from 'ava';

type Macro = {readonly title?: (title: string | undefined, ...rest: readonly unknown[]) => string};

/**
Tests that only work under a condition. Where it is not met they are skipped, and their titles say why.
*/
export function testWhere(isMet: boolean, reason: string): typeof test {
	const skip = (first: string | Macro, ...rest: readonly unknown[]) => {
		const [title, implementation] = typeof first === 'string' ? [first, rest] : [first.title?.(undefined, ...rest) ?? '', [first, ...rest]];
		(test.skip as (...parameters: readonly unknown[]) => void)(`${title} (skipped: ${reason})`, ...implementation);
	};

	return isMet ? test : Object.assign(skip, {macro: test.macro, serial: skip}) as typeof test;
}

/** Tests that need root, for mounts, owners and devices. */
export const asRoot = testWhere(process.getuid?.() === 0, 'it needs root');
