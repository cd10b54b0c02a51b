import type {LayoutContext} from '../image-resolver/layout-image.ts';
import type {GitReference} from '../kernel/git-reference.ts';

/** A name that a FROM or a `--from` finds before any image of that name. */
export type NamedContext = {readonly name: string} & (
	| (LayoutContext & {readonly type: 'oci-layout'})
	/** A full reference. */
	| {readonly type: 'docker-image'; readonly reference: string}
	| {readonly type: 'directory'; readonly path: string}
	| {readonly type: 'git'; readonly reference: GitReference}
	| {readonly type: 'http'; readonly url: string}
);
