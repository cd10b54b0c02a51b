import {formatGoDuration} from '../go-duration.ts';
import {formatGoList} from '../../../src/kernel/go-format.ts';
import {DockerfileError} from '../errors.ts';
import type {
	HealthcheckInstruction,
	MaintainerInstruction,
	OnBuildInstruction,
	ShellInstruction,
	StopSignalInstruction,
	UserInstruction,
	VolumeInstruction,
} from '../instructions.ts';
import {isSignal} from '../signals.ts';
import type {StageBuilder} from './stage-builder.ts';

/*
Instructions that only change the image config.
*/

/** HEALTHCHECK: how to find out whether a container works. */
export function convertHealthcheck({healthcheck}: HealthcheckInstruction, stage: StageBuilder): void {
	stage.checks.replacesPrevious();
	const {Test = [], Interval = 0, Timeout = 0, StartPeriod = 0, StartInterval = 0, Retries = 0} = healthcheck;
	const times = {
		Interval, Timeout, StartPeriod, StartInterval,
	};
	const texts = Object.entries(times).map(([name, nanoseconds]) => `${name}:${formatGoDuration(nanoseconds)}`);
	stage.image.update({Healthcheck: healthcheck});
	stage.image.addHistory(`HEALTHCHECK {Test:${formatGoList(Test)} ${texts.join(' ')} Retries:${Retries}}`, {hasLayer: false});
}

/** MAINTAINER: the image's author. */
export function convertMaintainer({maintainer}: MaintainerInstruction, stage: StageBuilder): void {
	stage.image.setAuthor(maintainer);
	stage.image.addHistory(`MAINTAINER ${maintainer}`, {hasLayer: false});
}

/** ONBUILD: an instruction for builds that begin with this image. */
export function convertOnBuild({expression}: OnBuildInstruction, stage: StageBuilder): void {
	stage.image.addTrigger(expression);
}

/** SHELL: what the shell form is run by. */
export function convertShell({shell}: ShellInstruction, stage: StageBuilder): void {
	stage.image.update({Shell: shell});
	stage.image.addHistory(`SHELL ${formatGoList(shell)}`, {hasLayer: false});
}

/**
STOPSIGNAL: what ends a container.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE` when it is no signal
*/
export function convertStopSignal({signal}: StopSignalInstruction, stage: StageBuilder): void {
	const expanded = stage.expand(signal);
	if (!isSignal(expanded)) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `invalid signal: ${expanded}`);
	}

	stage.image.update({StopSignal: expanded});
	stage.image.addHistory(`STOPSIGNAL ${expanded}`, {hasLayer: false});
}

/** USER: whom processes run as, verbatim. */
export function convertUser({user}: UserInstruction, stage: StageBuilder): void {
	const expanded = stage.expand(user);
	stage.image.update({User: expanded});
	stage.image.addHistory(`USER ${expanded}`, {hasLayer: false});
}

/**
VOLUME: directories that containers keep elsewhere.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE` when one is empty
*/
export function convertVolume({volumes}: VolumeInstruction, stage: StageBuilder): void {
	const expanded = volumes.map(volume => stage.expand(volume));
	if (expanded.includes('')) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'VOLUME specified can not be an empty string');
	}

	for (const volume of expanded) {
		stage.image.addVolume(volume);
	}

	stage.image.addHistory(`VOLUME ${formatGoList(expanded)}`, {hasLayer: false});
}
