package auth

import (
	"os/exec"
	"unsafe"

	"golang.org/x/sys/windows"
)

// runTree runs cmd in a job object of its own. All that is in the job is killed
// when the context of cmd ends, and when cmd has ended. What cmd starts before it
// is put into the job, which is at once, is not in it.
func runTree(cmd *exec.Cmd) error {
	job, err := newJob()
	if err != nil {
		return err
	}
	defer windows.CloseHandle(job) // kills what is left in it
	cmd.Cancel = func() error { return windows.TerminateJobObject(job, wrongStatus) }
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = assign(job, uint32(cmd.Process.Pid)) // fails for who has ended; WaitDelay bounds any other
	return cmd.Wait()
}

// newJob returns a job object whose processes end with its handle.
func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, err
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		windows.CloseHandle(job)
		return 0, err
	}
	return job, nil
}

func assign(job windows.Handle, pid uint32) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, pid)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(process)
	return windows.AssignProcessToJobObject(job, process)
}
