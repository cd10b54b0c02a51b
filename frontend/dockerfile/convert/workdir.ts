import type {WorkdirInstruction} from '../instructions.ts';
import {cleanPath, resolveWritten} from '../paths.ts';
import type {StageBuilder} from './stage-builder.ts';

/** WORKDIR: the directory of later instructions, made when it is missing and owned by the current user. */
export function convertWorkdir(instruction: WorkdirInstruction, stage: StageBuilder): void {
	const path = stage.expand(instruction.path);
	stage.checks.workingDirectory(path);
	const directory = resolveWritten(stage.workingDirectory, path);
	const hasLayer = cleanPath(directory) !== '/';
	stage.image.update({WorkingDir: directory});
	if (hasLayer) {
		addDirectory(cleanPath(directory), instruction, stage);
	}

	stage.image.addHistory(`WORKDIR ${directory}`, {hasLayer});
}

function addDirectory(directory: string, instruction: WorkdirInstruction, stage: StageBuilder): void {
	stage.addVertex({
		operation: {
			kind: 'file',
			root: stage.root === null ? null : 0,
			actions: [{
				action: 'make-directory', path: directory, mode: 0o755, ...(stage.user !== '' && {owner: stage.user}),
			}],
			platform: stage.platform,
		},
		inputs: stage.root === null ? [] : [stage.root],
		name: stage.describe(instruction.code),
		instruction,
		followsCacheWish: false,
	});
}
