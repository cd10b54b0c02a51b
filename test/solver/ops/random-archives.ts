import fc from 'fast-check';
import {aimedBytes, hostileEntries, overlayAttributes} from '../../support/hostile-archive.ts';
import {ArchiveTrap} from '../../support/archive-trap.ts';
import {asRoot} from '../../support/conditions.ts';

asRoot('random entries that want out get neither out of a layer nor out of an archive of ADD', async t => {
	await using trap = await ArchiveTrap.open();
	await t.notThrowsAsync(fc.assert(fc.asyncProperty(hostileEntries, overlayAttributes, async (entries, attributes) => {
		const archive = await aimedBytes(entries, trap.canary);
		await trap.apply(archive, attributes);
		await trap.unpack(archive);
	}), {numRuns: 100, includeErrorInReport: true}));
});
