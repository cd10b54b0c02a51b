import {RegistryError, withMessage} from './registry-error.ts';

// Those whose meaning is known without a body, and those that pass.
const plainStatuses: ReadonlySet<number> = new Set([401, 404, 408, 429]);

/**
Asks again by GET what a registry refuses to answer to HEAD: some do not know HEAD, and the answer to it has no body, which would say what is wrong.

@param ask - by which method
@throws what `ask` throws; what GET says of the same refusal as that of HEAD, which is what was to be done
*/
export async function askByHead<Result>(ask: (method: 'GET' | 'HEAD') => Promise<Result>): Promise<Result> {
	try {
		return await ask('HEAD');
	} catch (error) {
		if (!(error instanceof RegistryError) || !isRefusal(error)) {
			throw error;
		}

		return askByGet(ask, error);
	}
}

function isRefusal({status}: RegistryError): boolean {
	return status !== undefined && status >= 400 && status < 500 && !plainStatuses.has(status);
}

async function askByGet<Result>(ask: (method: 'GET') => Promise<Result>, refusal: RegistryError): Promise<Result> {
	try {
		return await ask('GET');
	} catch (error) {
		throw error instanceof RegistryError && error.status === refusal.status
			? withMessage(error, error.message.replace('from GET request', 'from HEAD request'))
			: error;
	}
}
