import {errorMessage} from '../kernel/errors.ts';
import {examineCgroups} from './cgroups.ts';
import {examineEmulation} from './emulation.ts';
import type {Examination, Finding, Patient} from './finding.ts';
import {examineKernel} from './kernel.ts';
import {examineNameServers} from './name-servers.ts';
import {examineNetwork} from './network.ts';
import {examinePrograms} from './programs.ts';
import {examineRegistries} from './registries.ts';
import {examineRights} from './rights.ts';
import {examineRuntime} from './runtime.ts';
import {examineSecurity} from './security.ts';
import {examineStore} from './store.ts';
import {examineSubordinateIds} from './subordinate-ids.ts';
import {tryStep} from './trial.ts';

// From the ground up: what fails first is most often why others fail.
const examinations: ReadonlyArray<readonly [topic: string, examine: Examination]> = [
	['node', examineRuntime],
	['kernel', examineKernel],
	['user', examineRights],
	['ids', examineSubordinateIds],
	['security', examineSecurity],
	['cgroups', examineCgroups],
	['store', examineStore],
	['step', tryStep],
	['network', examineNetwork],
	['dns', examineNameServers],
	['platforms', examineEmulation],
	['programs', examinePrograms],
	['credentials', examineRegistries],
];

/**
Examines all that a build needs of a machine, one part after another, by trying it where that is possible.

@yields findings as they are known; an examination that fails itself is a warning
@throws the reason of `signal`
*/
export async function * examineMachine(patient: Patient, signal: AbortSignal): AsyncGenerator<Finding> {
	for (const [topic, examine] of examinations) {
		signal.throwIfAborted();
		try {
			yield * await examine(patient, signal);
		} catch (error) {
			signal.throwIfAborted();
			yield {
				status: 'warning', topic, summary: `not examined: ${errorMessage(error)}`, advice: 'The other lines may tell why.',
			};
		}
	}
}
