import type {HistoryEntry} from '../kernel/oci-types.ts';

/**
Gives every history entry a time, as BuildKit does: an entry with a layer gets the time at which its layer was made, and one without a layer that of the entry before it, or, for those before the first new layer, that of the first new layer.

Times are in the form of RFC 3339; `layerTimes` holds one for each entry that has a layer.

@see https://github.com/moby/buildkit/blob/master/exporter/containerimage/writer.go (normalizeLayersAndHistory)
*/
export function completeHistoryTimes(history: readonly HistoryEntry[], layerTimes: readonly string[]): readonly HistoryEntry[] {
	return fillGaps(withLayerTimes(history, layerTimes));
}

function withLayerTimes(history: readonly HistoryEntry[], layerTimes: readonly string[]): readonly HistoryEntry[] {
	let layer = 0;
	return history.map(entry => {
		if (entry.empty_layer === true) {
			return entry;
		}

		const created = entry.created ?? layerTimes[layer];
		layer++;
		return created === undefined ? entry : {...entry, created};
	});
}

function fillGaps(history: readonly HistoryEntry[]): readonly HistoryEntry[] {
	let created = firstNewTime(history);
	let isAfterGap = false;
	return history.map(entry => {
		if (entry.created !== undefined) {
			created = isAfterGap ? entry.created : created;
			return entry;
		}

		isAfterGap = true;
		return created === undefined ? entry : {created, ...entry};
	});
}

/** The time after the first gap; without a gap, or with nothing after it, the last time there is. */
function firstNewTime(history: readonly HistoryEntry[]): string | undefined {
	const gap = history.findIndex(entry => entry.created === undefined);
	const after = gap === -1 ? undefined : history.slice(gap).find(entry => entry.created !== undefined)?.created;
	return after ?? history.findLast(entry => entry.created !== undefined)?.created;
}
