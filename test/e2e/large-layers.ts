import test from 'ava';
import {assertLittleMemory} from '../support/memory-of-build.ts';

const maximum = {mebibytes: 250};

for (const snapshotter of ['overlay', 'native'] as const) {
	test(`a layer of 10,000 files needs little memory with ${snapshotter}`, assertLittleMemory, {
		snapshotter,
		command: 'mkdir /files && cd /files && for i in $(seq 10000); do echo "file $i" > $i; done',
		check: 'ls /files | wc -l | grep -x 10000 && cat /files/9999',
	}, maximum);
}

test('a layer of 2 GB of nothing needs little memory', assertLittleMemory, {
	snapshotter: 'overlay',
	command: 'truncate -s 2G /sparse && echo end >> /sparse',
	check: 'tail -c 4 /sparse | grep -x end && test $(du -k /sparse | cut -f 1) -lt 1000',
}, maximum);
