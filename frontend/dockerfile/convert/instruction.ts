import {atLocation} from '../errors.ts';
import type {StageStep} from '../stage-plan.ts';
import {convertArg} from './arg.ts';
import {convertCmd, convertEntrypoint} from './command.ts';
import {convertAdd, convertCopy} from './copy.ts';
import {convertEnv} from './env.ts';
import {convertExpose} from './expose.ts';
import {convertLabel} from './label.ts';
import {
	convertHealthcheck,
	convertMaintainer,
	convertOnBuild,
	convertShell,
	convertStopSignal,
	convertUser,
	convertVolume,
} from './metadata.ts';
import {convertRun} from './run.ts';
import type {StageBuilder} from './stage-builder.ts';
import {convertWorkdir} from './workdir.ts';

/**
Carries out one instruction of a stage.

@throws {DockerfileError} with the instruction's location
*/
export function convertInstruction(step: StageStep, stage: StageBuilder): void {
	stage.begin(step.instruction);
	atLocation(step.instruction.location, () => {
		dispatch(step, stage);
	});
}

function dispatch({instruction, sources}: StageStep, stage: StageBuilder): void {
	switch (instruction.kind) {
		case 'add': {
			convertAdd(instruction, stage);
			break;
		}

		case 'arg': {
			convertArg(instruction, stage);
			break;
		}

		case 'cmd': {
			convertCmd(instruction, stage);
			break;
		}

		case 'copy': {
			convertCopy(instruction, stage, sources.get(instruction.from ?? ''));
			break;
		}

		case 'entrypoint': {
			convertEntrypoint(instruction, stage);
			break;
		}

		case 'env': {
			convertEnv(instruction, stage);
			break;
		}

		case 'expose': {
			convertExpose(instruction, stage);
			break;
		}

		case 'healthcheck': {
			convertHealthcheck(instruction, stage);
			break;
		}

		case 'label': {
			convertLabel(instruction, stage);
			break;
		}

		case 'maintainer': {
			convertMaintainer(instruction, stage);
			break;
		}

		case 'onbuild': {
			convertOnBuild(instruction, stage);
			break;
		}

		case 'run': {
			convertRun(instruction, stage, sources);
			break;
		}

		case 'shell': {
			convertShell(instruction, stage);
			break;
		}

		case 'stopsignal': {
			convertStopSignal(instruction, stage);
			break;
		}

		case 'user': {
			convertUser(instruction, stage);
			break;
		}

		case 'volume': {
			convertVolume(instruction, stage);
			break;
		}

		case 'workdir': {
			convertWorkdir(instruction, stage);
		}
	}
}
