import type {HttpClient} from '../http.ts';
import {OpenOnce} from '../kernel/open-once.ts';
import type {Environment} from './command.ts';
import {version} from './version.ts';

/** The web for one command, with the proxies and certificates of the user. Nothing is loaded before somebody asks for the client. */
export class HttpAccess extends OpenOnce<HttpClient> {
	constructor(environment: Environment) {
		super(async () => {
			const {openHttpClient} = await import('../http/open-http-client.ts');
			return openHttpClient({environment, userAgent: `tsbuild/${version}`});
		});
	}
}
