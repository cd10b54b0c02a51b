import {readServer} from '../registry/credential-store.ts';
import {UsageError} from './usage-error.ts';

/**
The registry that `login` and `logout` are about: the only argument, or else Docker Hub.

@returns the domain as in a reference
@throws {UsageError} when the argument is no host
*/
export function readServerArgument([server = '']: readonly string[]): string {
	const domain = readServer(server);
	if (URL.parse(`https://${domain}`)?.host !== domain.replace(/:443$/v, '')) {
		throw new UsageError(`invalid registry ${JSON.stringify(server)}`, {hint: 'A registry is a host and maybe a port: registry.example.com:5000.'});
	}

	return domain;
}
