import {Buffer} from 'node:buffer';
import process from 'node:process';
import {createInterface} from 'node:readline';
import test from 'ava';
import {packageProgram} from '../support/packaged-program.ts';
import {makeProject} from '../support/project.ts';
import {startTsbuild, waitForExit} from '../support/tsbuild.ts';

/** Megabytes that a step prints. */
const megabytes = Number(process.env.TSBUILD_SOAK_OUTPUT ?? 200);

// Mebibytes of resident memory at the most. A tenth of that is in use; the rest is what V8 takes while lines come faster than it collects them, 260 with a gigabyte.
const mostMemory = 300;

// Prints the maximum at the end, in kilobytes.
const printMemory = 'process.on("exit", () => console.error("maxRSS", process.resourceUsage().maxRSS))';
const measure = `--import=data:text/javascript;base64,${Buffer.from(printMemory).toString('base64')}`;

const line = 'x'.repeat(99);
const lineCount = megabytes * 10_000;

type Output = {
	/** The lines that tsbuild has written, one after the other. */
	readonly take: (text: string) => void;
	readonly bytes: () => number;
};

/** Counts the bytes of the step in plain progress: what follows the number and the time of a line. A line whose start was shown when another vertex came between is repeated after that. */
function countPlain(): Output {
	let bytes = 0;
	let previous = line.length;
	return {
		take(text) {
			const {output} = /^#\d+ \d+\.\d+ (?<output>.*)$/v.exec(text)?.groups ?? {};
			if (output === undefined) {
				return;
			}

			const repeated = previous < line.length ? previous + 1 : 0;
			bytes += output.length + 1 - repeated;
			previous = output.length;
		},
		bytes: () => bytes,
	};
}

function countRawJson(): Output {
	let bytes = 0;
	return {
		take(text) {
			if (!text.startsWith('{"logs"')) {
				return;
			}

			const {logs} = JSON.parse(text) as {readonly logs: ReadonlyArray<{readonly data: string}>};
			bytes += Buffer.byteLength(logs[0]!.data, 'base64');
		},
		bytes: () => bytes,
	};
}

function countNothing(): Output {
	return {take: () => undefined, bytes: () => 0};
}

const printsMuch = test.macro({
	async exec(t, {mode, command, output, expected}: {readonly mode: string; readonly command: string; readonly output: Output; readonly expected: number}) {
		t.timeout(3_600_000);
		await using program = await packageProgram();
		await using project = await makeProject({Dockerfile: `FROM base\nRUN ${command}\n`});
		const build = startTsbuild(['build', '--progress', mode, '--build-context', `base=oci-layout://${project.base}`, project.context], {
			root: project.root, program: program.file, env: {NODE_OPTIONS: measure},
		});
		let last = '';
		const shortened: string[] = [];
		const lines = createInterface({input: build.stderr, crlfDelay: Infinity});
		lines.on('line', text => {
			output.take(text);
			last = text;
			if (text.length < line.length) {
				shortened.push(text);
			}
		});
		build.stdout.resume();
		t.is(await waitForExit(build), 0, last);
		const memory = Math.ceil(Number(/^maxRSS (?<kilobytes>\d+)$/v.exec(last)?.groups?.kilobytes) / 1024);
		t.log(`${memory} MiB`);
		t.true(memory < mostMemory, `${memory} MiB`);
		t.is(output.bytes(), expected, shortened.slice(-30).join('\n'));
	},
	title: (_, {mode, command}: {readonly mode: string; readonly command: string}) => `${megabytes} MB of output, ${mode}: ${command.slice(0, 30)}`,
});

const printLines = `yes ${line} | head -n ${lineCount}`;

test.serial(printsMuch, {
	mode: 'plain', command: printLines, output: countPlain(), expected: lineCount * 100,
});
test.serial(printsMuch, {
	mode: 'rawjson', command: printLines, output: countRawJson(), expected: lineCount * 100,
});
test.serial(printsMuch, {
	mode: 'quiet', command: printLines, output: countNothing(), expected: 0,
});
test.serial(printsMuch, {
	mode: 'rawjson', command: `head -c ${megabytes}000000 /dev/urandom`, output: countRawJson(), expected: megabytes * 1_000_000,
});
test.serial(printsMuch, {
	mode: 'rawjson', command: String.raw`tr '\0' x < /dev/zero | head -c ${megabytes}000000`, output: countRawJson(), expected: megabytes * 1_000_000,
});
