package server

import "syscall"

func ownerOnly(string, string, syscall.RawConn) error { return nil }
