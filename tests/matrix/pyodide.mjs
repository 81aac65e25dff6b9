// CPython compiled to WebAssembly runs a program: node pyodide.mjs PYODIDE SOURCE PROGRAM
//
// PYODIDE is the folder of the npm package, SOURCE one that the program sees as /source, in its path of modules. There
// are no sockets and no processes.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [pyodide, source, program] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const python = await loadPyodide({ indexURL: `${pyodide}/` });
python.FS.mkdir('/source');
python.FS.mount(python.FS.filesystems.NODEFS, { root: source }, '/source');
try {
  python.runPython(readFileSync(program, 'utf8'));
} catch (error) {
  console.error(error.message); // the stack would show its whole source
  process.exit(1);
}
