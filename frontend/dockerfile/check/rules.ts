/** What a check of the Dockerfile looks for. */
export type CheckRule = {
	/** As in `# check=skip=NAME`. */
	readonly name: string;
	/** What the rule is about, whatever it finds. */
	readonly description: string;
	readonly url?: string;
	/** Only where it is asked for. */
	readonly isExperimental?: true;
};

/**
The rules, with the names, texts and pages of BuildKit's.

@see https://docs.docker.com/reference/build-checks/
@see https://github.com/moby/buildkit/blob/v0.32.2/frontend/dockerfile/linter/ruleset.go
*/
export const checkRules = {
	consistentInstructionCasing: {
		name: 'ConsistentInstructionCasing',
		description: 'All commands within the Dockerfile should use the same casing (either upper or lower)',
		url: page('consistent-instruction-casing'),
	},
	copyIgnoredFile: {
		name: 'CopyIgnoredFile',
		description: 'Attempting to Copy file that is excluded by .dockerignore',
		url: page('copy-ignored-file'),
	},
	duplicateStageName: {
		name: 'DuplicateStageName',
		description: 'Stage names should be unique',
		url: page('duplicate-stage-name'),
	},
	exposeInvalidFormat: {
		name: 'ExposeInvalidFormat',
		description: 'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
		url: page('expose-invalid-format'),
	},
	exposeProtoCasing: {
		name: 'ExposeProtoCasing',
		description: 'Protocol in EXPOSE instruction should be lowercase',
		url: page('expose-proto-casing'),
	},
	fromAsCasing: {
		name: 'FromAsCasing',
		description: 'The \'as\' keyword should match the case of the \'from\' keyword',
		url: page('from-as-casing'),
	},
	fromPlatformFlagConstDisallowed: {
		name: 'FromPlatformFlagConstDisallowed',
		description: 'FROM --platform flag should not use a constant value',
		url: page('from-platform-flag-const-disallowed'),
	},
	invalidBaseImagePlatform: {
		name: 'InvalidBaseImagePlatform',
		description: 'Base image platform does not match expected target platform',
	},
	invalidDefaultArgInFrom: {
		name: 'InvalidDefaultArgInFrom',
		description: 'Default value for global ARG results in an empty or invalid base image name',
		url: page('invalid-default-arg-in-from'),
	},
	invalidDefinitionDescription: {
		name: 'InvalidDefinitionDescription',
		description: [
			'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`.',
			'If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
		].join(' '),
		url: page('invalid-definition-description'),
		isExperimental: true,
	},
	jsonArgsRecommended: {
		name: 'JSONArgsRecommended',
		description: 'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
		url: page('json-args-recommended'),
	},
	legacyKeyValueFormat: {
		name: 'LegacyKeyValueFormat',
		description: 'Legacy key/value format with whitespace separator should not be used',
		url: page('legacy-key-value-format'),
	},
	maintainerDeprecated: {
		name: 'MaintainerDeprecated',
		description: 'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
		url: page('maintainer-deprecated'),
	},
	multipleInstructionsDisallowed: {
		name: 'MultipleInstructionsDisallowed',
		description: 'Multiple instructions of the same type should not be used in the same stage',
		url: page('multiple-instructions-disallowed'),
	},
	noEmptyContinuation: {
		name: 'NoEmptyContinuation',
		description: 'Empty continuation lines will become errors in a future release',
		url: page('no-empty-continuation'),
	},
	redundantTargetPlatform: {
		name: 'RedundantTargetPlatform',
		description: 'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
		url: page('redundant-target-platform'),
	},
	reservedStageName: {
		name: 'ReservedStageName',
		description: 'Reserved words should not be used as stage names',
		url: page('reserved-stage-name'),
	},
	secretsUsedInArgOrEnv: {
		name: 'SecretsUsedInArgOrEnv',
		description: 'Sensitive data should not be used in the ARG or ENV commands',
		url: page('secrets-used-in-arg-or-env'),
	},
	stageNameCasing: {
		name: 'StageNameCasing',
		description: 'Stage names should be lowercase',
		url: page('stage-name-casing'),
	},
	undefinedArgInFrom: {
		name: 'UndefinedArgInFrom',
		description: 'FROM command must use declared ARGs',
		url: page('undefined-arg-in-from'),
	},
	undefinedVar: {
		name: 'UndefinedVar',
		description: 'Variables should be defined before their use',
		url: page('undefined-var'),
	},
	workdirRelativePath: {
		name: 'WorkdirRelativePath',
		description: 'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
		url: page('workdir-relative-path'),
	},
} as const satisfies Readonly<Record<string, CheckRule>>;

function page(name: string): string {
	return `https://docs.docker.com/go/dockerfile/rule/${name}/`;
}
