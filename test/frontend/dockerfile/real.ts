import {readFileSync} from 'node:fs';
import {readdir} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {busyboxConfig, convert, resolveKnownImage} from '../../support/conversion.ts';

const directory = path.join(import.meta.dirname, '../../../fixtures/real');

const converts = test.macro({
	async exec(t, name: string) {
		const dockerfile = readFileSync(path.join(directory, name, 'Dockerfile'), 'utf8');
		const {definition, image} = await convert(dockerfile, {}, {
			async resolveImage(reference) {
				const known = await resolveKnownImage('docker.io/library/busybox:latest');
				return {...known, reference, config: busyboxConfig};
			},
		});
		t.true(definition.vertexes.size > 0);
		t.snapshot({config: image.config, history: image.history?.map(({created_by: createdBy}) => createdBy)});
	},
	title: (_, name: string) => `the Dockerfile ${name} is understood`,
});

for (const name of await readdir(directory)) {
	test(converts, name);
}
