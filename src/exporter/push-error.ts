import {errorMessage, TsbuildError} from '../kernel/errors.ts';
import {formatReference, type Reference} from '../kernel/reference.ts';

/** Does a part of a push. What fails is told with the name that was to be pushed, as BuildKit does. */
export async function explainPush<Value>(reference: Reference, push: () => Promise<Value>): Promise<Value> {
	try {
		return await push();
	} catch (error) {
		throw error instanceof TsbuildError ? new TsbuildError(error.code, `failed to push ${formatReference(reference)}: ${errorMessage(error)}`, {cause: error}) : error;
	}
}
