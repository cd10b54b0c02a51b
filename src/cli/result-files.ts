import fs from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type {BuildOutcome} from '../build.ts';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import {stringifyAsGo} from '../kernel/go-json.ts';
import type {VertexEvent, WarningEvent} from '../kernel/progress-event.ts';
import {describeWarning} from '../progress/warning-json.ts';

/** Writes the image ID, the digest of its config, for `--iidfile`. */
export async function writeIdentityFile(file: string, {image}: BuildOutcome): Promise<void> {
	await writeResult(file, image?.configDigest ?? '', `writing image ID file: open ${file}`);
}

/** What happened in a build, of which the metadata tell. */
type BuildEvents = {
	readonly warnings: readonly WarningEvent[];
	/** The last events of the vertexes that ran in a container. */
	readonly steps: readonly VertexEvent[];
};

/**
Writes the facts of the result for `--metadata-file`, with buildx's keys, the warnings of the build if there are any, and under a key of our own what its steps have used.

@see https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file
*/
export async function writeMetadataFile(file: string, {image, reference}: BuildOutcome, {warnings, steps}: BuildEvents): Promise<void> {
	const metadata = {
		// Of builder, machine and build; here there is but one of the first two.
		'buildx.build.ref': `default/default/${reference}`,
		...(warnings.length > 0 && {'buildx.build.warnings': warnings.map(warning => describeWarning(warning))}),
		...(image !== undefined && {
			'containerimage.config.digest': image.configDigest,
			'containerimage.descriptor': image.manifest,
			'containerimage.digest': image.manifest.digest,
			...(image.names.length > 0 && {'image.name': image.names.join(',')}),
		}),
		...(steps.length > 0 && {'tsbuild.steps': steps.map(({digest, name, usage}) => ({digest, name, usage}))}),
	};
	await writeResult(file, stringifyAsGo(metadata, '  '), `invalid output path: stat ${path.dirname(file)}`);
}

async function writeResult(file: string, content: string, failedCall: string): Promise<void> {
	const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}`);
	try {
		await fs.writeFile(temporary, content);
		await fs.rename(temporary, file);
	} catch (error) {
		await fs.rm(temporary, {force: true});
		const reason = errorCode(error) === 'ENOENT' ? 'no such file or directory' : errorMessage(error);
		throw new TsbuildError('ERR_TSBUILD_RESULT_FILE', `${failedCall}: ${reason}`, {cause: error});
	}
}
