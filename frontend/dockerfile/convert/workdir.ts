import type {WorkdirInstruction} from '../instructions.ts';
import {cleanPath, resolveWritten} from '../paths.ts';
import type {StageBuilder} from './stage-builder.ts';

/** WORKDIR: the directory of later instructions, made when it is missing and owned by the current user. */
export function convertWorkdir(instruction: WorkdirInstruction, stage: StageBuilder): void {
	const directory = resolveWritten(stage.workingDirectory, stage.expand(instruction.path));
	const hasLayer = cleanPath(directory) !== '/';
	stage.updateConfig({WorkingDir: directory});
	if (hasLayer) {
		addDirectory(cleanPath(directory), instruction, stage);
	}

	stage.addHistory(`WORKDIR ${directory}`, {hasLayer});
}

function addDirectory(directory: string, instruction: WorkdirInstruction, stage: StageBuilder): void {
	const {User: owner = ''} = stage.config;
	stage.addVertex({
		operation: {
			kind: 'file',
			root: stage.root === null ? null : 0,
			actions: [{
				action: 'make-directory', path: directory, mode: 0o755, ...(owner !== '' && {owner}),
			}],
			platform: stage.platform,
		},
		inputs: stage.root === null ? [] : [stage.root],
		name: stage.names.next(stage.describe(instruction.code)),
		instruction,
		followsCacheWish: false,
	});
}
