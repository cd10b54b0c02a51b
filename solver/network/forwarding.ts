import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {text} from 'node:stream/consumers';
import {errorCode} from '../../src/kernel/errors.ts';
import {findHostProgram} from '../../src/linux/host-program.ts';
import {LinuxError} from '../../src/linux/linux-error.ts';
import {NetworkLinks} from '../../src/linux/network-links.ts';
import {findForwardChains, type PresentChain} from '../../src/linux/packet-filter.ts';
import {NetworkUnavailable} from './network-unavailable.ts';

type Family = 'ipv4' | 'ipv6';

// What our rules are known by.
const comment = 'tsbuild';

const ownRule = /^-A (?<rule>FORWARD -[io] (?<name>tsb[\da-f]{8}) -m comment --comment tsbuild -j ACCEPT)$/v;

// What stands there alone where nobody filters: Linux makes the chain when somebody looks at it.
const acceptingPolicy = '-P FORWARD ACCEPT';

// Its program ends its chain with a rule that refuses, and lets nobody else add one before it.
const closedTables = new Set(['firewalld']);

const programs = {ipv4: 'iptables', ipv6: 'ip6tables'} as const;

// The tables of the older of the two kinds of rules; the newer kind is among the chains of nf_tables.
const legacyTables = {ipv4: '/proc/net/ip_tables_names', ipv6: '/proc/net/ip6_tables_names'} as const;

// How long another may hold the lock of iptables when rules are taken out, in milliseconds.
const removalPatience = 2000;

/**
Makes sure that others who filter packets on this machine let through those of an interface.

Docker, ufw and people put their rules into the chain FORWARD of iptables, which often drops the rest. Only a rule in that same chain helps: what one filter accepts, another may still drop. So two are put before all others, and taken out in the end. What a killed process has left there is for interfaces that are gone; the next build takes it out.

@returns takes the rules out
@throws {NetworkUnavailable} when somebody else drops what no rule accepts; when iptables fails
@throws the reason of `signal`
*/
export async function acceptForwarding(interfaceName: string, {families, signal}: {readonly families: readonly Family[]; readonly signal: AbortSignal}): Promise<AsyncDisposable> {
	const chains = findForwardChains().filter(({family, drops, isEmpty}) => (family === 'inet' || families.includes(family)) && (drops || !isEmpty));
	refuseClosed(chains);
	await using added = new AsyncDisposableStack();
	for (const family of families) {
		const program = await findIptables(family, chains);
		if (program === undefined) {
			continue;
		}

		const rules = await listRules(program, signal);
		await removeStaleRules(program, rules);
		if (rules.some(rule => rule !== acceptingPolicy && !isOwnRule(rule))) {
			await addRules({program, interfaceName, signal}, added);
		}
	}

	return added.move();
}

function refuseClosed(chains: readonly PresentChain[]): void {
	const closed = chains.find(chain => !isOfIptables(chain) && (chain.drops || closedTables.has(chain.table)));
	if (closed !== undefined) {
		throw new NetworkUnavailable(`the packet filter ${closed.table} of this machine lets nothing through that is new to it`);
	}
}

function isOfIptables({family, table, name}: PresentChain): boolean {
	return family !== 'inet' && table === 'filter' && name === 'FORWARD';
}

/** The program for the rules that are there, of which neither kind sees the other. */
async function findIptables(family: Family, chains: readonly PresentChain[]): Promise<string | undefined> {
	const name = programs[family];
	const names = [
		...(chains.some(chain => chain.family === family && isOfIptables(chain)) ? [`${name}-nft`, name] : []),
		...(await hasLegacyFilter(family) ? [`${name}-legacy`, name] : []),
	];
	return names.map(candidate => findHostProgram(candidate)).find(program => program !== undefined);
}

async function hasLegacyFilter(family: Family): Promise<boolean> {
	try {
		const tables = await readFile(legacyTables[family], 'utf8');
		return tables.split('\n').includes('filter');
	} catch (error) {
		if (['ENOENT', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')) {
			return false;
		}

		throw error;
	}
}

async function addRules({program, interfaceName, signal}: {readonly program: string; readonly interfaceName: string; readonly signal: AbortSignal}, added: AsyncDisposableStack): Promise<void> {
	for (const direction of ['-i', '-o']) {
		const rule = ['FORWARD', direction, interfaceName, '-m', 'comment', '--comment', comment, '-j', 'ACCEPT'];
		// Also when it is ended before we know whether the rule is there.
		added.defer(async () => {
			await removeRule(program, rule);
		});
		await iptables(program, ['-I', ...rule], signal);
	}
}

/** The chain's policy, and its rules as they are written to add them. */
async function listRules(program: string, signal: AbortSignal): Promise<readonly string[]> {
	const output = await iptables(program, ['-S', 'FORWARD'], signal);
	return output.trimEnd().split('\n');
}

async function removeStaleRules(program: string, rules: readonly string[]): Promise<void> {
	using links = new NetworkLinks();
	for (const line of rules) {
		const {rule, name} = ownRule.exec(line)?.groups ?? {};
		if (rule !== undefined && !isThere(links, name!)) {
			await removeRule(program, rule.split(' '));
		}
	}
}

function isOwnRule(line: string): boolean {
	return ownRule.test(line);
}

/** Another build, or whoever sets up the machine's rules anew, may have been first; who does not let us change them does not keep the build from its end. */
async function removeRule(program: string, rule: readonly string[]): Promise<void> {
	try {
		await iptables(program, ['-D', ...rule], AbortSignal.timeout(removalPatience));
	} catch (error) {
		if (!(error instanceof NetworkUnavailable || errorCode(error) === 'ABORT_ERR')) {
			throw error;
		}
	}
}

function isThere(links: NetworkLinks, name: string): boolean {
	try {
		links.find(name);
		return true;
	} catch (error) {
		if (error instanceof LinuxError && error.code === 'ENODEV') {
			return false;
		}

		throw error;
	}
}

// -w waits for others who change the rules.
async function iptables(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
	const child = spawn(program, ['-w', ...args], {
		cwd: '/', env: {}, stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL',
	});
	const [output, complaint, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number | null]>]);
	if (exitCode !== 0) {
		throw new NetworkUnavailable(`iptables failed: ${complaint.trim()}`);
	}

	return output;
}
