import {existsSync, readFileSync} from 'node:fs';
import {syscallNumbers} from '../../src/linux/syscall-numbers.ts';
import {testWhere} from '../support/conditions.ts';

// Debian's linux-libc-dev has both.
const headers = [
	{architecture: 'x86_64', file: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'},
	{architecture: 'arm64', file: '/usr/include/asm-generic/unistd.h'},
] as const;

for (const {architecture, file} of headers) {
	const testWithHeader = testWhere(existsSync(file), `there is no ${file}`);
	testWithHeader(`the numbers for ${architecture} are those of ${file}`, t => {
		const header = readFileSync(file, 'utf8');
		for (const [name, number] of Object.entries(syscallNumbers(architecture))) {
			t.regex(header, new RegExp(`^#define __NR_${name} ${number}$`, 'mv'));
		}
	});
}
