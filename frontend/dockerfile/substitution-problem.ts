/** Why a substitution cannot be made. Whoever knows the whole word makes a `DockerfileError` of it. */
export class SubstitutionProblem extends Error {
	override readonly name = 'SubstitutionProblem';
}
