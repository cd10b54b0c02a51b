import {asRoot} from '../support/conditions.ts';
import {assertLittleMemory} from '../support/memory-of-build.ts';

for (const snapshotter of ['overlay', 'native'] as const) {
	asRoot.serial(`a layer of 2 GB of noise needs little memory with ${snapshotter}`, async t => assertLittleMemory(t, {
		snapshotter,
		command: 'dd if=/dev/urandom of=/noise bs=1M count=2048 && sha256sum /noise > /sum',
		check: 'sha256sum -c /sum',
	}, {mebibytes: 250}));
}
