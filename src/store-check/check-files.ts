import {lstatSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {errorCode, errorMessage} from '../kernel/errors.ts';
import {emptyDirectory} from '../../snapshotter/snapshot-directories.ts';
import type {CheckContext} from './check-context.ts';
import type {Problem} from './problem.ts';

// What a process that was killed may leave while it makes a store.
const unfinishedNames = /^(?:\.probe-.+|format\.new)$/v;
const unfinishedLayoutNames = /^(?:index\.json|oci-layout)\..+|^\.ingest-.+$/v;

/** Looks for files that nobody needs, for the directories that everything stands on, for caches of RUN steps that cannot be used, and for dead sessions that could not be swept. */
export function checkFiles(context: CheckContext): readonly Problem[] {
	return [
		...findUnsweptSessions(context),
		...findUnfinishedFiles(context),
		...findWrongEmptyDirectory(context),
		...findUnusableCaches(context),
	];
}

function findUnsweptSessions({store: {sweepReport}}: CheckContext): readonly Problem[] {
	return sweepReport.failures.map(failure => ({subject: 'dead session', reason: errorMessage(failure), remedy: {kind: 'none'}}));
}

function findUnfinishedFiles({store: {root, content}, isShared}: CheckContext): readonly Problem[] {
	// They may belong to somebody who is making them.
	if (isShared) {
		return [];
	}

	const files = [
		...namesIn(root).filter(name => unfinishedNames.test(name)).map(name => path.join(root, name)),
		...namesIn(content.directory).filter(name => unfinishedLayoutNames.test(name)).map(name => path.join(content.directory, name)),
	];
	return files.map(file => ({subject: `file ${file}`, reason: 'whoever made it was killed', remedy: {kind: 'remove-file', path: file}}));
}

/** It is the lowest layer of every snapshot without a parent. */
function findWrongEmptyDirectory({store: {root}}: CheckContext): readonly Problem[] {
	const directory = emptyDirectory(root);
	const isRight = lstatSync(directory, {throwIfNoEntry: false})?.isDirectory() === true && namesIn(directory).length === 0;
	return isRight ? [] : [{subject: `directory ${directory}`, reason: 'it is not there, or not empty', remedy: {kind: 'make-empty-directory', path: directory}}];
}

function findUnusableCaches({store: {root}, counts, isShared}: CheckContext): readonly Problem[] {
	const top = path.join(root, 'cache-mounts');
	const caches = namesIn(top).flatMap(hash => namesIn(path.join(top, hash)).filter(name => /^\d+$/v.test(name)).map(name => path.join(top, hash, name)));
	counts.cacheMounts += caches.length;
	return isShared
		? []
		: caches.flatMap(cache => {
			const reason = findCacheFault(cache);
			return reason === undefined ? [] : [{subject: `cache mount ${cache}`, reason, remedy: {kind: 'remove-file', path: cache}} as const];
		});
}

function findCacheFault(cache: string): string | undefined {
	const kindOf = (name: string) => lstatSync(path.join(cache, name), {throwIfNoEntry: false});
	const data = kindOf('data');
	if (data !== undefined && !data.isDirectory()) {
		return 'its data is no directory';
	}

	return data === undefined || kindOf('lock')?.isFile() === true ? undefined : 'it has no lock';
}

function namesIn(directory: string): readonly string[] {
	try {
		return readdirSync(directory);
	} catch (error) {
		if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) {
			return [];
		}

		throw error;
	}
}
