import type {CacheMount} from './operations.ts';

/** Names the directory of a cache mount: steps with the same id and first content have the same one. */
export function cacheMountId({id, content}: Pick<CacheMount, 'content' | 'id'>): string {
	return content === null ? id : `${id}\n${content}`;
}
