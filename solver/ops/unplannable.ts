/**
Thrown where only a mounted tree can tell what an action does, or what is wrong with it: then it is carried out there. Nobody else sees it.
*/
export class Unplannable extends Error {
	override readonly name = 'Unplannable';

	constructor(reason: string, options?: ErrorOptions) {
		super(`not planned: ${reason}`, options);
	}
}
