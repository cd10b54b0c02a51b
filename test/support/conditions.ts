import process from 'node:process';
import test from 'ava';

/**
Tests that only work under a condition. Where it is not met they are skipped, and their titles say why.
*/
export function testWhere(isMet: boolean, reason: string): typeof test {
	const skip = (title: string, ...rest: readonly unknown[]) => {
		(test.skip as (...parameters: readonly unknown[]) => void)(`${title} (skipped: ${reason})`, ...rest);
	};

	return isMet ? test : skip as typeof test;
}

/** Tests that need root, for mounts, owners and devices. */
export const asRoot = testWhere(process.getuid?.() === 0, 'it needs root');
